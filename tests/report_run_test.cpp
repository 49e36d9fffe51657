// nosigpipe-report --run: a command under the shim, and the report on it when it has ended.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "support/directory.h"
#include "support/expect.h"

namespace {

const Strings dies = {built("tests/victims/totals_victim"), "tcp-reset", "write"};

std::string words(const Strings& argv) {
  std::string text;
  for (const auto& word : argv) text += word + " ";
  return text;
}

Strings reporting(const Strings& command, const Strings& options = {}) {
  return joined(joined({built("nosigpipe-report"), "--run"}, options), joined({"--"}, command));
}

Ending run_shell(const std::string& script, const Start& start = {}, const Strings& options = {}) {
  return run(reporting({"sh", "-c", script}, options), start);
}

bool is_empty(const Directory& directory) { return std::filesystem::is_empty(directory.path()); }

}  // namespace

TEST_CASE("a command is run under the shim and reported on standard error") {
  is_killed_bare(dies);
  const Ending ending = run_shell(words(dies) + "; echo status $?; echo mine >&2; exit 7");
  INFO(ending.out << ending.err);
  CHECK(ending.exited(7));
  CHECK(ending.out.ends_with("\nstatus 0\n"));
  CHECK(ending.err.starts_with("mine\n1 SIGPIPE averted in 1 process, 1 would have killed"));
}

TEST_CASE("without -- the first word that is no option begins the command, whose options are its own") {
  const Ending ending = run({built("nosigpipe-report"), "--run", "--json", "sh", "-c", "echo $0", "--top=x"});
  INFO(ending.out << ending.err);
  CHECK(ending.exited(0));
  CHECK(ending.out == "--top=x\n");
  CHECK(ending.err.starts_with("{\"killed\":[],"));
}

TEST_CASE("the command's end is the report's, and so are the launcher's refusals") {
  CHECK(run_shell("kill -KILL $$").exited(128 + SIGKILL));
  CHECK(run_shell("kill -PIPE $$").exited(128 + SIGPIPE));
  CHECK(run(reporting({"/nosuch"})).exited(127));
  CHECK(run(reporting({"/dev/null"})).exited(126));
  const Ending none = run({built("nosigpipe-report"), "--run", "--"});
  CHECK(none.exited(2));
  CHECK(has(none.err, "--run wants a command"));
  CHECK(run({built("nosigpipe-report"), "log", "--run", "true"}).exited(2));
}

TEST_CASE("without a launcher nothing is run") {
  const Directory directory;
  std::filesystem::copy(built("nosigpipe-report"), directory / "nosigpipe-report");
  Start start;
  start.env = {"PATH=" + directory.path()};
  const Strings argv{directory / "nosigpipe-report", "--run", "/bin/sh", "-c", "echo ran"};
  const Ending ending = run(argv, start);
  CHECK(ending.exited(125));
  CHECK(has(ending.err, "nosigpipe-report: nosigpipe: No such file or directory"));
  std::filesystem::create_symlink(built("nosigpipe"), directory / "nosigpipe");
  start.env = {"PATH=" + directory.path() + ":/bin:/usr/bin"};
  CHECK(run(argv, start).out == "ran\n");
}

TEST_CASE("a report that cannot be written takes nothing from the command's status") {
  CHECK(run_shell("exit 7", {}, {"--output=/nosuch/report"}).exited(7));
  CHECK(run_shell("exit 0", {}, {"--output=/nosuch/report"}).exited(1));
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  close(ends[0]);
  Start start;
  start.err = ends[1];
  CHECK(run_shell("exit 7", start).exited(7));
  close(ends[1]);
}

TEST_CASE("what is deadly fails a command that has not failed itself") {
  const Strings options{"--fail-if-deadly"};
  CHECK(run_shell("true", {}, options).exited(0));
  CHECK(run_shell(words(dies), {}, options).exited(3));
  CHECK(run_shell(words(dies) + "; exit 7", {}, options).exited(7));
  CHECK(run_shell(words(dies)).exited(0));
}

TEST_CASE("signals that would end it are handed on to the command, and nothing is left behind") {
  const Directory directory;
  const Directory temporary;
  Start start;
  start.env = {"TMPDIR=" + temporary.path()};
  for (const auto& [name, number] : {std::pair<std::string, int>{"INT", SIGINT},
                                     {"TERM", SIGTERM},
                                     {"HUP", SIGHUP},
                                     {"QUIT", SIGQUIT},
                                     {"USR1", SIGUSR1},
                                     {"USR2", SIGUSR2}}) {
    INFO(name);
    const auto ready = directory / name;
    Process process(
        reporting({"sh", "-c", "trap 'echo got; exit 5' " + name + "; : >" + ready + "; while :; do sleep 0.05; done"}),
        start);
    REQUIRE(eventually([&] { return std::filesystem::exists(ready); }));
    process.signal(number);
    const Ending ending = process.wait();
    CHECK(ending.exited(5));
    CHECK(ending.out == "got\n");
    CHECK(has(ending.err, "No SIGPIPE"));
    CHECK(is_empty(temporary));
  }
}

// The report is stopped until the command has handled the key: a second SIGINT before that would be one with it. What
// the report has to hand on comes in the order of the numbers, SIGTERM last.
TEST_CASE("a key press at the terminal reaches the command once") {
  const Directory directory;
  const auto ready = directory / "ready", got = directory / "got";
  const std::string script = "trap 'echo got; : >" + got + "' INT; trap 'echo ended; exit 5' TERM; echo $PPID >" +
                             ready + ".new; mv " + ready + ".new " + ready + "; while :; do sleep 0.05; done";
  int keys[2];
  REQUIRE(pipe2(keys, O_CLOEXEC) == 0);
  Start start;
  start.in = keys[0];
  start.env = {"SCRIPT=" + script};
  // A shell in between: script stops where its own child does.
  const auto line = "trap : INT; " + built("nosigpipe-report") + " --run -- sh -c \"$SCRIPT\"; exit $?";
  Process process({"script", "-qec", line, "/dev/null"}, start);
  REQUIRE(eventually([&] { return std::filesystem::exists(ready); }));
  const int report = std::stoi(contents(ready));
  REQUIRE(kill(report, SIGSTOP) == 0);
  CHECK(write(keys[1], "\003", 1) == 1);
  CHECK(eventually([&] { return std::filesystem::exists(got); }));
  CHECK(kill(report, SIGTERM) == 0);
  REQUIRE(kill(report, SIGCONT) == 0);
  const Ending ending = process.wait();
  close(keys[0]);
  close(keys[1]);
  INFO(ending.text() << "\n" << ending.out);
  CHECK(ending.exited(5));
  CHECK(has(ending.out, "got\r\nended\r\n"));
  CHECK(ending.out.find("got") == ending.out.rfind("got"));
}

TEST_CASE("the command finds signals as the launcher would have had them") {
  const std::string look = " -- grep -E '^Sig(Blk|Ign)' /proc/self/status";
  for (const std::string ignored : {"USR1", "CHLD", "HUP", "INT"}) {
    const auto start = "exec env --ignore-signal=" + ignored + " ";
    const Ending alone = run({"sh", "-c", start + built("nosigpipe") + look});
    const Ending ending = run({"sh", "-c", start + built("nosigpipe-report") + " --run" + look});
    INFO(ignored << "\n" << ending.err);
    REQUIRE(has(alone.out, "SigIgn"));
    CHECK(ending.exited(0));
    CHECK(ending.out == alone.out);
  }
}

TEST_CASE("the log is private, and nothing is left of it, whoever goes on writing to it") {
  const Directory directory;
  Start start;
  start.env = {"TMPDIR=" + directory.path()};
  const Ending looked =
      run_shell("stat -c %a " + directory.path() + "/*; stat -c %a " + directory.path() + "/*/log", start);
  CHECK(looked.out == "700\n600\n");
  CHECK(is_empty(directory));

  // A child that has logged, and goes on after the command until it can read.
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  start.in = ends[0];
  const Directory elsewhere;
  const auto pid_file = elsewhere / "pid";
  const auto child = built("tests/victims/totals_victim") + " tcp-reset write wait write wait";
  const Ending ending = run_shell("exec 3<&0; " + child + " <&3 >/dev/null 2>" + elsewhere / "err" + " & echo $! >" +
                                      pid_file + "; until [ -s " + directory.path() + "/*/log ]; do sleep 0.05; done",
                                  start);
  INFO(ending.err);
  CHECK(ending.exited(0));
  CHECK(has(ending.err, "1 SIGPIPE averted"));
  CHECK(is_empty(directory));
  const pid_t pid = std::stoi(contents(pid_file));
  REQUIRE(kill(pid, 0) == 0);
  REQUIRE(write(ends[1], "x", 1) == 1);
  REQUIRE(write(ends[1], "x", 1) == 1);
  CHECK(
      eventually([&] { return kill(pid, 0) != 0 || has(contents("/proc/" + std::to_string(pid) + "/stat"), ") Z "); }));
  CHECK(is_empty(directory));
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("a command that becomes another user goes on logging") {
  if (geteuid() != 0) SKIP_TEST("only root may become another user");
  const Ending ending = run(reporting({dies[0], "tcp-reset", "become-nobody=setuid", "write"}));
  INFO(ending.err);
  CHECK(ending.exited(0));
  CHECK(has(ending.err, "1 SIGPIPE averted"));
}

TEST_CASE("a temporary directory of any name holds the log") {
  const Directory directory;
  for (const std::string name : {"a b", "%p", "%%e", "-x", "relative"}) {
    INFO(name);
    std::filesystem::create_directory(directory / name);
    Start start;
    start.directory = directory.path();
    start.env = {"TMPDIR=" + (name == "relative" ? name : directory / name)};
    const Ending ending = run_shell(words(dies), start);
    CHECK(has(ending.err, "1 SIGPIPE averted"));
    CHECK(std::filesystem::is_empty(directory / name));
  }
}
