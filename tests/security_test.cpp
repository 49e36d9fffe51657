// What an enemy may try, where no suite of the thing itself has it. tests/README.md has the whole table.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "support/expect.h"
#include "support/log_lines.h"
#include "support/log_socket.h"
#include "support/options_list.h"
#include "support/source_tree.h"
#include "support/tracer.h"
#include "support/victims.h"

namespace {

// Linked with the shim, since a program that has more rights than its caller is preloaded nothing.
class Linked {
 public:
  Linked() {
    std::filesystem::permissions(directory_.path(), std::filesystem::perms(0777));
    const auto library = directory_ / "libnosigpipe.so";
    std::filesystem::copy_file(built("libnosigpipe.so"), library);
    output_of({"gcc", "-pthread", "-o", file(), source("tests/victims/small_victim.c"), "-Wl,--no-as-needed", library,
               "-Wl,-rpath," + directory_.path()});
  }

  std::string file() const { return directory_ / "small_victim"; }
  std::string operator/(const std::string& name) const { return directory_ / name; }

  // Started by a user who is not root. A tracer that is root's leaves a program its rights.
  Ending run_with(const Strings& variables, const std::string& word = "write") {
    Start start;
    start.env = variables;
    const Ending ending = run({"strace", "-u", "nobody", "-s", "4096", "-e", "trace=open,openat,socket,connect", "-e",
                               "signal=none", "-o", directory_ / "trace", file(), word},
                              start);
    opened_ = contents(directory_ / "trace");
    return ending;
  }
  const std::string& opened() const { return opened_; }

 private:
  const Directory directory_;
  std::string opened_;
};

const Strings kMoreRights[] = {{"chmod", "u+s"}, {"chmod", "g+s"}, {"setcap", "cap_net_raw+ep"}};

// A name of each kind that would end a quoted text, a field, a line or the terminal's patience.
const Strings hostile{"x\nnosigpipe: y", "\" would_kill=no", "\nNOSIGPIPE_FD=1", "\",\"fd\":1,\"",
                      "\033]0;x\a",      "\\x22\\",          "\xff\xfe\x80\r",   "\xe2\x80\xae\xc2\x85"};

std::string by_jq(const std::string& text, const std::string& filter) {
  const Directory directory;
  std::ofstream(directory / "json") << text;
  return output_of({"jq", "-r", filter, directory / "json"});
}

}  // namespace

TEST_CASE("a program with set-id bits or file capabilities takes no variable and opens nothing for one") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  if (geteuid() != 0) SKIP_TEST("only root can make a program that has more rights than its caller");
  for (const auto& more_rights : kMoreRights) {
    Linked victim;
    const auto log = victim / "log";
    const Strings valid{"NOSIGPIPE_LOG=" + log,  "NOSIGPIPE_FORMAT=json", "NOSIGPIPE_STACK=0",
                        "NOSIGPIPE_SCOPE=all",   "NOSIGPIPE_GUARD=catch", "NOSIGPIPE_INTERVAL=0",
                        "NOSIGPIPE_MODE=observe"};
    INFO(more_rights[0] << " " << more_rights[1]);
    REQUIRE(victim.run_with({}, "secure").out == "0\n");
    REQUIRE(victim.run_with(valid).killed_by(SIGPIPE));
    REQUIRE(has(victim.opened(), log));
    for (const auto& option : options) {
      INFO(option.variable);
      REQUIRE(has(victim.run_with({option.variable + "=nosuch"}).err, option.variable));
    }
    std::filesystem::remove(log);

    if (!run(joined(more_rights, {victim.file()})).exited(0)) SKIP_TEST("no file can be given capabilities here");
    if (victim.run_with({}, "secure").out != "1\n") SKIP_TEST("the temporary directory has no set-user-ID programs");
    REQUIRE(victim.run_with({}).exited(0));
    const auto without = victim.opened();
    CHECK(victim.run_with(valid).exited(0));
    CHECK(victim.opened() == without);
    CHECK(!std::filesystem::exists(log));
    for (const auto& log_is : Strings{"journal:" + (victim / "socket"), "syslog:" + (victim / "socket"), "stderr"}) {
      CHECK(victim.run_with({"NOSIGPIPE_LOG=" + log_is}).err.empty());
      CHECK(victim.opened() == without);
    }
    CHECK(victim.run_with({"NOSIGPIPE_NOSUCH=1"}).err.empty());
    CHECK(victim.run_with({"NOSIGPIPE_MODE=off"}).exited(0));
    for (const auto& option : options) {
      INFO(option.variable);
      const Ending ending = victim.run_with({option.variable + "=nosuch"});
      CHECK(ending.exited(0));
      CHECK(ending.err.empty());
    }
  }
}

namespace {

constexpr uid_t kEnemy = 12345;

// A directory as /tmp is, where an enemy was first.
class Shared {
 public:
  Shared() { is_as(01777); }
  void is_as(mode_t mode) const { REQUIRE(chmod(directory_.path().c_str(), mode) == 0); }
  std::string operator/(const std::string& name) const { return directory_ / name; }

  std::string file_of(uid_t owner, const std::string& name) const {
    std::ofstream(*this / name) << "";
    REQUIRE(chmod((*this / name).c_str(), 0666) == 0);
    REQUIRE(chown((*this / name).c_str(), owner, 0) == 0);
    return *this / name;
  }

 private:
  const Directory directory_;
};

Ending logged_to(const std::string& log) { return lives(log_victim({"send", "stdio"}), logging_to(log)); }

void is_refused(const std::string& log, const std::string& why) {
  const Ending ending = logged_to(log);
  INFO(log);
  CHECK(ending.err.starts_with("nosigpipe: cannot open the log \"" + log + "\": " + why + ";"));
  CHECK(lines_of(ending.err).size() == 1);
}

void is_written(const std::string& log) {
  const auto before = lines_of(contents(log)).size();
  const Ending ending = logged_to(log);
  INFO(log << "\n" << ending.err);
  CHECK(lines_of(contents(log)).size() == before + 2);
}

}  // namespace

TEST_CASE("in a directory such as /tmp no file, FIFO or link that another user was first with is the log") {
  if (geteuid() != 0) SKIP_TEST("only root can be another user");
  const Shared tmp;
  const Directory elsewhere;
  const auto precious = elsewhere / "precious";
  std::ofstream(precious) << "precious\n";
  const auto planted = tmp.file_of(kEnemy, "planted");
  is_refused(planted, "Permission denied");
  CHECK(contents(planted).empty());

  std::filesystem::create_symlink(precious, tmp / "symlink");
  is_refused(tmp / "symlink", "Is a symbolic link");
  std::filesystem::create_hard_link(precious, tmp / "link");
  is_refused(tmp / "link", "Permission denied");
  CHECK(contents(precious) == "precious\n");

  const auto fifo = tmp / "fifo";
  REQUIRE((mkfifo(fifo.c_str(), 0666) == 0 && chown(fifo.c_str(), kEnemy, 0) == 0));
  const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  is_refused(fifo, "Permission denied");
  char byte;
  CHECK(read(reader, &byte, 1) <= 0);
  close(reader);

  is_written(tmp / "new");
  is_written(tmp.file_of(0, "own"));
}

TEST_CASE("a file that another was first with is no log of a child of vfork either") {
  if (geteuid() != 0) SKIP_TEST("only root can be another user");
  const Shared tmp;
  const auto planted = tmp.file_of(kEnemy, "planted");
  lives(totals_victim({"unix-closed", "vfork-writes", "write"}), logging_to(planted));
  CHECK(contents(planted).empty());
}

TEST_CASE("the control: where others may not write, or the directory is the enemy's own, his file is the log") {
  if (geteuid() != 0) SKIP_TEST("only root can be another user");
  const Shared tmp;
  const auto planted = tmp.file_of(kEnemy, "planted");
  for (const mode_t mode : {0755U, 0777U, 01755U}) {
    tmp.is_as(mode);
    is_written(planted);
  }
}

TEST_CASE("a FIFO that is the log neither blocks nor kills when its reader does nothing, or leaves") {
  const Directory directory;
  const auto fifo = directory / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  Start start = logging_to(fifo);
  CHECK(lives(log_victim({"times=2000", "send", "stdio"}), start).err.empty());
  close(reader);
  CHECK(lines_of(logged_to(fifo).err).size() == 1);
}

TEST_CASE("no name of a thread makes a line, a member or a field of its own") {
  const Directory directory;
  for (const auto& name : hostile) {
    const auto victim = log_victim({"thread=" + name, "send"});
    const auto shown = name.substr(0, 15);
    CHECK(only_line(lives(victim, logging_to("stderr")).err).text("thread") == shown);

    const auto json = lives(victim, logging_to("stderr", {"NOSIGPIPE_FORMAT=json"})).err;
    INFO(json);
    CHECK(lines_of(json).size() == 1);
    CHECK(by_jq(json, "keys_unsorted | length == (unique | length)") == "true\n");
    CHECK(by_jq(json, ".would_kill, .fd > 2") == "true\ntrue\n");
    CHECK(std::ranges::all_of(json, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
    if (std::ranges::all_of(shown, [](char c) { return c > 0; })) CHECK(by_jq(json, ".thread") == shown + "\n");

    const LogSocket journal(directory / "socket");
    lives(victim, logging_to("journal:" + directory / "socket"));
    std::map<std::string, int> fields;
    for (const auto& field : lines_of(journal.next())) ++fields[field.substr(0, field.find('='))];
    CHECK(fields["NOSIGPIPE_FD"] == 1);
    CHECK(std::ranges::all_of(fields, [](const auto& field) { return field.second == 1; }));
    std::filesystem::remove(directory / "socket");
  }
}

TEST_CASE("no name of a peer makes a line of its own") {
  const Directory directory;
  for (const auto& name : hostile)
    for (const auto& peer : {"@" + directory.path() + name, directory / ("s" + name)}) {
      const auto victim = totals_victim({"unix-named=" + peer, "write"});
      REQUIRE(run(victim).killed_by(SIGPIPE));
      std::filesystem::remove(peer);
      const Ending ending = run(victim, logging_to("stderr"));
      REQUIRE(ending.exited(0));
      const Line line = only_line(ending.err);
      CHECK(line.text("peer") == peer);
      CHECK(line["would_kill"] == "yes");
    }
}

TEST_CASE("a kill by another process is not swallowed, however many EPIPEs there are at once") {
  for (const std::string guard : {"catch", "mask"})
    for (int i = 0; i < 20; ++i) {
      const Directory directory;
      const auto log = directory / "log";
      Process program(
          totals_victim({"unix-closed", "storm=2000000000"}),
          logging_to(log, {"NOSIGPIPE_RUNAWAY=off", "NOSIGPIPE_INTERVAL=1000", "NOSIGPIPE_GUARD=" + guard}));
      REQUIRE(eventually([&] { return !lines_so_far(log).empty(); }));
      output_of({"sh", "-c", "kill -PIPE \"$0\"", std::to_string(program.pid())});
      CHECK(program.wait().killed_by(SIGPIPE));
      CHECK(has(contents(log), " kind=signal "));
    }
}

namespace {

// The byte of which the victim's stack is full: as it is, escaped, and as a number of four or eight of them.
const Strings poison{
    "\xa7", "\\xa7", "\\u00a7", "a7a7a7a7", "2812782503", "1482184793", "12080808863958804391", "6365935209750747225"};

bool has_poison(const std::string& log) {
  return std::ranges::any_of(poison, [&](const auto& form) { return has(log, form); });
}

}  // namespace

TEST_CASE("no byte of the program's stack is in the log") {
  const Directory directory;
  const Strings victim{built("tests/victims/poisoned")};
  for (const std::string guard : {"catch", "mask"})
    for (const std::string stack : {"0", "32"}) {
      const Strings variables{"NOSIGPIPE_GUARD=" + guard, "NOSIGPIPE_STACK=" + stack};
      INFO("guard=" << guard << " stack=" << stack);
      const auto text = lives(victim, logging_to("stderr", variables)).err;
      INFO(text);
      CHECK(parsed(text, "averted").size() == 10);
      CHECK(!has_poison(text));
      const auto json = lives(victim, logging_to("stderr", joined(variables, {"NOSIGPIPE_FORMAT=json"}))).err;
      CHECK(lines_of(json).size() >= 10);
      CHECK(!has_poison(json));
      const LogSocket journal(directory / "socket");
      lives(victim, logging_to("journal:" + directory / "socket", variables));
      int lines = 0;
      for (auto datagram = journal.next(); !datagram.empty(); datagram = journal.next(), ++lines)
        CHECK(!has_poison(datagram));
      CHECK(lines >= 10);
      std::filesystem::remove(directory / "socket");
    }
  CHECK(has_poison(lives(log_victim({"thread=\xa7", "send"}), logging_to("stderr")).err));
}
