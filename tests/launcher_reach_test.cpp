// The launcher and nosigpipe-doctor: what LD_PRELOAD does not reach is not run in silence, and gets the library of its
// class.
#include <signal.h>

#include <algorithm>

#include "support/doctor.h"
#include "support/tracer.h"
#include "support/victims.h"

namespace {

const Strings as_nobody{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};

Ending launch(const Strings& arguments, const Start& start = {}) {
  return run(joined({built("nosigpipe")}, arguments), start);
}

// The reason and the remedy, and nothing is run.
void is_refused(const Strings& argv, const std::string& reason) {
  const auto ending = run(argv);
  INFO(ending.text() << ending.out << ending.err);
  CHECK(ending.exited(125));
  CHECK(ending.out.empty());
  CHECK(lines_of(ending.err).size() == 2);
  CHECK(has(ending.err, reason));
  CHECK(has(ending.err, "\nnosigpipe: instead: "));
}

std::string preload_of(const Strings& arguments, const Start& start = {}) {
  auto text = launch(joined(arguments, {"printenv", "LD_PRELOAD"}), start).out;
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace

TEST_CASE("what cannot be reached is refused with the reason and the remedy and 125") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  const Directory directory;
  for (const Strings& flags : {Strings{"-static", "-m32"}, {"-static"}}) {
    const auto victim = small_victim(directory, flags);
    REQUIRE(run({victim, "write"}).killed_by(SIGPIPE));
    REQUIRE(run({victim, "write"}, with_shim()).killed_by(SIGPIPE));
    CHECK(run({built("nosigpipe"), victim, "write"}).exited(0));
    is_refused({built("nosigpipe"), "--mode=observe", victim, "write"}, "linked statically");
    is_refused({built("nosigpipe"), "--mode=observe", "--fallback=refuse", "--", victim, "write"}, "linked statically");
  }
  const auto wide = directory / "small_victim";
  is_refused({"strace", "-f", "-o", "/dev/null", built("nosigpipe"), wide, "write"}, "nosigpipe-attach may not trace");
  is_refused({built("nosigpipe"), "--mode=observe", wide, "write"}, "with mode=observe");
  is_refused({built("nosigpipe"), "env", "-i", "true"}, "nosigpipe: true cannot be reached: env clears LD_PRELOAD");
  is_refused({built("nosigpipe"), "setpriv", "--reset-env"}, "what setpriv starts cannot be reached");
}

TEST_CASE("with fallback ignore it runs with SIGPIPE ignored and is told what is lost") {
  const Directory directory;
  const auto victim = small_victim(directory, {"-static"});
  for (const Strings& option : {Strings{"--fallback=ignore"}, {"--fallback", "ignore"}}) {
    const auto ending = launch(joined(option, {"--mode=observe", victim, "write"}));
    INFO(ending.text() << ending.err);
    CHECK(ending.exited(0));
    CHECK(lines_of(ending.err).size() == 1);
    CHECK(has(ending.err, "SIGPIPE is ignored instead"));
  }
}

TEST_CASE("with fallback run it runs as it is") {
  const Directory directory;
  const auto victim = small_victim(directory, {"-static"});
  const auto ending = launch({"--fallback=run", "--mode=observe", victim, "write"});
  CHECK(ending.killed_by(SIGPIPE));
  CHECK(ending.err.empty());
}

TEST_CASE("what can be reached is run whatever the fallback") {
  const Strings victim = log_victim({"send", "stdio"});
  for (const std::string fallback : {"refuse", "ignore", "run"})
    CHECK(launch(joined({"--fallback=" + fallback}, victim)).exited(0));
}

TEST_CASE("a set-user-ID program is refused to who it gives rights to") {
  if (geteuid() != 0) SKIP_TEST("only root can make a program that changes its user");
  const Directory directory;
  const auto victim = small_victim(directory, {});
  std::filesystem::permissions(victim, static_cast<std::filesystem::perms>(04755));
  if (run(joined(as_nobody, {victim, "secure"})).out != "1\n")
    SKIP_TEST("the temporary directory has no set-user-ID programs");
  is_refused(joined(as_nobody, {built("nosigpipe"), victim, "write"}), "set-user-ID");
  CHECK(launch({victim, "write"}).exited(0));
}

namespace {

// A root of its own, which has everything of this one but /etc, and an /etc/ld.so.preload. Its mounts end with its last
// process.
class Root {
 public:
  explicit Root(const std::string& preload) {
    for (const std::string part : {"root", "root/etc"}) std::filesystem::create_directory(directory_ / part);
    for (const std::string name : {"passwd", "group", "ld.so.cache"})
      std::filesystem::copy_file("/etc/" + name, directory_ / "root/etc/" + name);
    std::ofstream(directory_ / "root/etc/ld.so.preload") << preload;
  }

  void conf(const std::string& text) const { std::ofstream(directory_ / "root/etc/nosigpipe.conf") << text; }

  Ending run_in(const Strings& command, const Start& start = {}) const {
    const std::string script =
        "for part in bin lib lib32 lib64 usr dev proc tmp \"$2\"; do [ -e \"/$part\" ] || continue; "
        "mkdir -p \"$1/$part\"; mount --bind \"/$part\" \"$1/$part\"; done; root=$1; shift 2; "
        "exec chroot \"$root\" \"$@\"";
    return run(joined({"unshare", "--mount", "sh", "-ec", script, "sh", directory_ / "root", built("")}, command),
               start);
  }

 private:
  const Directory directory_;
};

}  // namespace

TEST_CASE("/etc/ld.so.preload reaches a set-user-ID program and LD_PRELOAD does not") {
  if (geteuid() != 0) SKIP_TEST("only root can make a root of its own");
  const Directory directory;
  const auto victim = small_victim(directory, {});
  std::filesystem::permissions(victim, static_cast<std::filesystem::perms>(04755));
  const auto as_somebody = joined(as_nobody, {victim});
  if (run(joined(as_somebody, {"secure"})).out != "1\n")
    SKIP_TEST("the temporary directory has no set-user-ID programs");
  const Root without("");
  const Root with(built("libnosigpipe.so") + "\n");
  REQUIRE(without.run_in(joined(as_somebody, {"secure"})).out == "1\n");
  CHECK(without.run_in(joined(as_somebody, {"write"})).killed_by(SIGPIPE));
  CHECK(without.run_in(joined(as_somebody, {"write"}), with_shim()).killed_by(SIGPIPE));
  const auto ending = with.run_in(joined(as_somebody, {"write"}));
  INFO(ending.text() << ending.err);
  CHECK(ending.exited(0));
  CHECK(with.run_in(joined(as_nobody, {built("nosigpipe-doctor"), victim})).exited(0));
  CHECK(without.run_in(joined(as_nobody, {built("nosigpipe-doctor"), victim})).exited(2));
}

TEST_CASE("what is turned off is run as it is, whether it can be reached or not") {
  const Directory directory, of_narrow;
  const auto wide = small_victim(directory, {"-static"});
  const auto narrow = small_victim(of_narrow, {"-m32", "-static"});
  const auto runs_bare = [](const Ending& ending) {
    INFO(ending.text() << ending.out << ending.err);
    CHECK(ending.killed_by(SIGPIPE));
    CHECK(!has(ending.err, "cannot be reached"));
    CHECK(!has(ending.err, "armed"));
  };
  for (const Strings& command : {Strings{wide, "write"}, {narrow, "write"}, {"env", "-i", wide, "write"}}) {
    runs_bare(launch(joined({"--mode=off"}, command)));
    runs_bare(launch(joined({"--mode=off", "--fallback=ignore"}, command)));
  }
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  CHECK(launch({"--mode=nosuch", wide, "write"}).exited(0));
  if (geteuid() != 0) SKIP_TEST("only root can make a root of its own");
  const Root root("");
  const auto in_root = [&](const Strings& options) {
    return root.run_in(joined(joined({built("nosigpipe")}, options), {wide, "write"}));
  };
  CHECK(in_root({}).exited(0));
  root.conf("NOSIGPIPE_MODE=off\n");
  runs_bare(in_root({}));
  runs_bare(in_root({"--mode=protect"}));
  root.conf("NOSIGPIPE_MODE=observe\n");
  CHECK(in_root({}).exited(125));
  CHECK(in_root({"--mode=protect"}).exited(0));
}

TEST_CASE("/etc/ld.so.preload reaches what a starter clears LD_PRELOAD of, which is told") {
  if (geteuid() != 0) SKIP_TEST("only root can make a root of its own");
  const Directory directory;
  const Strings cleared{"env", "-i", small_victim(directory, {}), "write"};
  const auto judged = [&](const Root& root) { return root.run_in(joined({built("nosigpipe-doctor")}, cleared)); };
  const Root without("");
  const Root with(built("libnosigpipe.so") + "\n");
  REQUIRE(without.run_in(cleared).killed_by(SIGPIPE));
  CHECK(judged(without).exited(2));
  CHECK(with.run_in(cleared).exited(0));
  CHECK(judged(with).exited(0));
  CHECK(has(judged(with).out, "NOSIGPIPE_ variables that env"));
  CHECK(with.run_in(joined({built("nosigpipe")}, cleared)).exited(0));
  // Our file is not that of another root.
  std::filesystem::create_symlink("/", directory / "other");
  CHECK(with.run_in(joined({built("nosigpipe-doctor"), "chroot", directory / "other"}, cleared)).exited(2));
  std::filesystem::copy_file("/bin/true", directory / "docker");
  CHECK(with.run_in({built("nosigpipe-doctor"), directory / "docker", "run", "x"}).exited(2));
}

TEST_CASE("a set-user-ID program of root that root starts is an ordinary one") {
  if (geteuid() != 0) SKIP_TEST("only root can make a program that changes its user");
  const Directory directory;
  const auto victim = small_victim(directory, {});
  std::filesystem::permissions(victim, static_cast<std::filesystem::perms>(04755));
  REQUIRE(run({victim, "write"}).killed_by(SIGPIPE));
  CHECK(run({victim, "write"}, with_shim()).exited(0));
}

TEST_CASE("whoever has a shell open gets out of /etc/ld.so.preload again") {
  if (geteuid() != 0) SKIP_TEST("only root can make a root of its own");
  const Directory directory;
  const auto victim = small_victim(directory, {});
  std::ofstream(directory / "deadly.c") << "__attribute__((constructor)) static void end(void) { __builtin_trap(); }\n";
  output_of({"gcc", "-shared", "-fPIC", "-o", directory / "deadly.so", directory / "deadly.c"});
  const Root root("");
  const std::string script =
      victim + " write; echo $?\n" + "echo " + built("libnosigpipe.so") + " >/etc/ld.so.preload\n" + victim +
      " write; echo $?\n" + "echo " + directory / "deadly.so" + " >/etc/ld.so.preload\n" +
      "/bin/true; [ $? -ne 0 ] && echo none starts\n" + ": >/etc/ld.so.preload\n" + victim + " write; echo $?\n";
  const auto ending = root.run_in({"sh", "-c", script});
  INFO(ending.err);
  CHECK(ending.out == "141\n0\nnone starts\n141\n");
}

TEST_CASE("a library in /etc/ld.so.preload that is not there is told and does no harm") {
  if (geteuid() != 0) SKIP_TEST("only root can make a root of its own");
  const Root root("/nonexistent/libnosigpipe.so\n");
  const auto ending = root.run_in({"/bin/echo", "ran"});
  CHECK(ending.out == "ran\n");
  CHECK(has(ending.err, "/nonexistent/libnosigpipe.so"));
}

TEST_CASE("a 32-bit program gets the library of its class") {
  const Directory directory;
  const auto victim = small_victim(directory, {"-m32"});
  REQUIRE(run({victim, "write"}).killed_by(SIGPIPE));
  const auto ending = launch({victim, "write"});
  INFO(ending.err);
  CHECK(ending.exited(0));
  CHECK(ending.err.empty());
}

TEST_CASE("a launcher in a launcher gives a 32-bit program the library of its class alone") {
  const Directory directory;
  const auto victim = small_victim(directory, {"-m32"});
  const auto ending = launch({"sh", "-c", "exec " + built("nosigpipe") + " " + victim + " write"});
  CHECK(ending.exited(0));
  CHECK(ending.err.empty());
}

TEST_CASE("the launcher starts the doctor and the command and nothing else") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  const Directory directory;
  const auto trace = directory / "trace";
  output_of(
      {"strace", "-f", "-qq", "-e", "trace=execve", "-e", "signal=none", "-o", trace, built("nosigpipe"), "/bin/true"});
  const auto lines = lines_of(contents(trace));
  INFO(contents(trace));
  REQUIRE(std::ranges::count_if(lines, [](const auto& line) { return has(line, "execve("); }) == 3);
  CHECK(has(lines[1], "nosigpipe-doctor"));
}

TEST_CASE("a program of musl gets a path without $LIB and lives") {
  const Directory directory;
  const auto victim = small_victim(directory, {}, "musl-gcc");
  REQUIRE(run({victim, "write"}).killed_by(SIGPIPE));
  CHECK(launch({victim, "write"}).exited(0));
}

TEST_CASE("a script is judged by its interpreter and what execs by it is reached") {
  const Directory directory;
  const auto script = directory / "script";
  std::ofstream(script) << "#!" + small_victim(directory, {"-static"}) + "\n";
  std::filesystem::permissions(script, static_cast<std::filesystem::perms>(0755));
  is_refused({built("nosigpipe"), "--mode=observe", script}, "linked statically");
}

// Where the library of each class lies in the directory that its loader calls $LIB, one path is for both.
TEST_CASE("a 64-bit shell that starts a 32-bit program reaches it where the library lies in both directories") {
  const auto lib_of = [](const std::string& loader) {
    return std::filesystem::canonical(loader).parent_path().string().substr(std::string("/usr/").size());
  };
  if (!std::filesystem::exists("/usr/lib32/ld-linux.so.2") && !std::filesystem::exists("/lib/ld-linux.so.2"))
    SKIP_TEST("there is no loader of 32-bit programs");
  const Directory prefix;
  const auto wide = prefix / lib_of("/lib64/ld-linux-x86-64.so.2");
  const auto narrow = prefix / lib_of("/lib/ld-linux.so.2");
  std::filesystem::create_directories(wide);
  std::filesystem::create_directories(narrow);
  std::filesystem::copy_file(built("libnosigpipe.so"), wide + "/libnosigpipe.so");
  for (const std::string part : {"nosigpipe", "nosigpipe-doctor"})
    std::filesystem::copy_file(built(part), wide + "/" + part);
  const auto launcher = wide + "/nosigpipe";
  const auto preload = [&] { return run({launcher, "printenv", "LD_PRELOAD"}).out; };
  CHECK(preload() == wide + "/libnosigpipe.so\n");
  const auto victim = small_victim(prefix, {"-m32"});
  is_refused({launcher, victim, "write"}, "32-bit");

  std::filesystem::copy_file(built("i386/libnosigpipe.so"), narrow + "/libnosigpipe.so");
  CHECK(preload() == prefix / "$LIB/libnosigpipe.so\n");
  const Strings shell{"sh", "-c", victim + " write; echo $?"};
  CHECK(run(shell).out == "141\n");
  const auto ending = run(joined({launcher}, shell));
  CHECK(ending.out == "0\n");
  CHECK(ending.err.empty());
  CHECK(run({launcher, victim, "write"}).exited(0));
}

TEST_CASE("a 32-bit program is reached where the libraries lie in lib64 and lib, as RPM packages have them") {
  const Directory prefix;
  for (const std::string directory : {"lib64", "lib"}) std::filesystem::create_directory(prefix / directory);
  for (const std::string part : {"libnosigpipe.so", "nosigpipe", "nosigpipe-doctor"})
    std::filesystem::copy_file(built(part), prefix / "lib64/" + part);
  const auto victim = small_victim(prefix, {"-m32"});
  is_refused({prefix / "lib64/nosigpipe", victim, "write"}, "32-bit");
  std::filesystem::copy_file(built("i386/libnosigpipe.so"), prefix / "lib/libnosigpipe.so");
  const auto ending = run({prefix / "lib64/nosigpipe", victim, "write"});
  CHECK(ending.exited(0));
  CHECK(ending.err.empty());
}

TEST_CASE("without the doctor beside it the launcher goes on as it did") {
  const Directory directory;
  for (const std::string part : {"nosigpipe", "libnosigpipe.so"})
    std::filesystem::copy_file(built(part), directory / part);
  const auto fixed = small_victim(directory, {"-static"});
  CHECK(run({directory / "nosigpipe", fixed, "write"}).killed_by(SIGPIPE));
  CHECK(run(joined({directory / "nosigpipe"}, log_victim({"send"}))).exited(0));
}

TEST_CASE("a command with odd characters is nothing that a shell would run") {
  const Directory directory;
  const auto name = directory / "a'b$(echo x)`echo y`;echo z\n\"";
  std::filesystem::copy_file("/bin/true", name);
  CHECK(launch({name, "'"}).exited(0));
  const auto fixed = directory / "static'; echo injected; '";
  std::filesystem::rename(small_victim(directory, {"-static"}), fixed);
  const auto ending = launch({"--mode=observe", fixed, "write"});
  CHECK(ending.exited(125));
  CHECK(!has(ending.out, "injected"));
}

TEST_CASE("the command has every variable as it was whatever the launcher calls its own") {
  const auto text = contents(built("nosigpipe"));
  Start start;
  for (const auto& name : matches(text, "(?:our_)?([a-z_]{2,})")) start.env.push_back(name + "=as it was");
  for (const std::string name : {"fallback", "library", "name", "options", "reason"})
    REQUIRE(std::ranges::find(start.env, name + "=as it was") != start.env.end());
  const auto sorted = [](std::string environment) {
    auto lines = lines_of(environment);
    std::ranges::sort(lines);
    return lines;
  };
  CHECK(sorted(launch(joined({"--"}, {"sh", "-c", "unset LD_PRELOAD; exec env"}), start).out) ==
        sorted(run({"sh", "-c", "exec env"}, start).out));
}

TEST_CASE("no byte of a command's name reaches the terminal as it is") {
  const Directory directory;
  const auto odd = directory / "a\033[31m\\033[1m";
  std::filesystem::rename(small_victim(directory, {"-static"}), odd);
  for (const Strings& arguments : {Strings{odd}, {"--fallback=ignore", odd}, {"--no\\033[1m"}}) {
    const auto ending = launch(joined(arguments, {"write"}));
    INFO(ending.err);
    CHECK(has(ending.err, "\\033[1m"));
    CHECK(!has(ending.err, "\033"));
  }
}

TEST_CASE("the doctor is asked without the libraries that are preloaded") {
  Start start;
  start.env = {"LD_PRELOAD=" + built("libnosigpipe.so"), "NOSIGPIPE_MODE=nosuch"};
  const auto ending = launch({"sh", "-c", ":"}, start);
  // One line each of the tools of the launcher and of the command, and none of the doctor.
  CHECK(!has(ending.err, "nosigpipe-doctor"));
  CHECK(ending.exited(0));
}

TEST_CASE("children strip takes our entry and it alone out of LD_PRELOAD") {
  CHECK(preload_of({"--children=keep"}) == built("libnosigpipe.so"));
  CHECK(launch({"--children=strip", "sh", "-c", "env"}).out.find("LD_PRELOAD") == std::string::npos);
  for (const auto& [before, after] : {std::pair<std::string, std::string>{"libm.so.6", "libm.so.6"},
                                      {"libm.so.6:libdl.so.2", "libm.so.6:libdl.so.2"},
                                      {"libm.so.6 libdl.so.2", "libm.so.6:libdl.so.2"}}) {
    Start start;
    start.env = {"LD_PRELOAD=" + before};
    CHECK(launch({"--children=strip", "sh", "-c", "printenv LD_PRELOAD"}, start).out == after + "\n");
    start.env = {"LD_PRELOAD=" + before + ":" + built("libnosigpipe.so")};
    CHECK(launch({"--children=strip", "sh", "-c", "printenv LD_PRELOAD"}, start).out == after + "\n");
  }
}

TEST_CASE("children strip writes to no variable that we are not in, and leaves none that is empty") {
  const Directory directory;
  std::ofstream(directory / "constant.c") << "#include <stdlib.h>\n__attribute__((constructor)) static void put(void) {"
                                             " putenv((char*)\"LD_PRELOAD=/other.so\"); }\n";
  const auto library = directory / "libconstant.so";
  output_of({"gcc", "-shared", "-fPIC", "-o", library, directory / "constant.c"});
  Start start = with_shim({"NOSIGPIPE_CHILDREN=strip", "LD_PRELOAD=" + library});
  CHECK(run({"true"}, start).exited(0));
  start.env = {"NOSIGPIPE_CHILDREN=strip", "LD_PRELOAD=:" + built("libnosigpipe.so") + ":"};
  start.shim = false;
  CHECK(!run({"printenv", "LD_PRELOAD"}, start).exited(0));
}

TEST_CASE("children strip keeps the command safe and what it starts is as without the shim") {
  const auto victim = built("tests/victims/log_victim");
  const Strings alone = log_victim({"send", "stdio"});
  CHECK(launch(joined({"--children=strip"}, alone)).exited(0));
  const Strings shell{"sh", "-c", victim + " send; echo $?"};
  CHECK(launch(joined({"--children=strip"}, shell)).out == "141\n");
  CHECK(launch(joined({"--children=keep"}, shell)).out.ends_with("\n0\n"));
}

TEST_CASE("children strip works in a 32-bit program and in one of musl") {
  for (const auto& [compiler, flags] : {std::pair<std::string, Strings>{"gcc", {"-m32"}}, {"musl-gcc", {}}}) {
    const States states(flags, compiler);
    INFO(compiler);
    const Waiting victim(joined({built("nosigpipe"), "--children=strip"}, states.in({"tcp"})));
    CHECK(victim.says(".shim.options.children") == "strip");
    CHECK(victim.verdict() == 0);
  }
}

TEST_CASE("a doctor that fails is as none") {
  const Directory directory;
  for (const std::string part : {"nosigpipe", "libnosigpipe.so"})
    std::filesystem::copy_file(built(part), directory / part);
  for (const std::string end : {"kill -SEGV $$", "echo 'our_library=/other'; exit 4"}) {
    std::ofstream(directory / "nosigpipe-doctor") << "#!/bin/sh\n" << end << "\n";
    std::filesystem::permissions(directory / "nosigpipe-doctor", std::filesystem::perms(0755));
    CHECK(run({directory / "nosigpipe", "printenv", "LD_PRELOAD"}).out == directory / "libnosigpipe.so" + "\n");
  }
}

TEST_CASE("a directory that LD_PRELOAD cannot carry is refused") {
  for (const std::string name : {"in $LIB", "in$LIB", "a:b"}) {
    const Directory directory;
    const auto place = directory / name;
    std::filesystem::create_directory(place);
    for (const std::string part : {"nosigpipe", "libnosigpipe.so", "nosigpipe-doctor"})
      std::filesystem::copy_file(built(part), place + "/" + part);
    CHECK(run({place + "/nosigpipe", "true"}).exited(125));
  }
}

TEST_CASE("the launcher itself needs no program of PATH") {
  Start start;
  start.env = {"PATH=/nonexistent"};
  CHECK(run({built("nosigpipe"), "--runaway-after=7", "/usr/bin/printenv", "NOSIGPIPE_RUNAWAY_AFTER"}, start).out ==
        "7\n");
}

TEST_CASE("help that cannot be written is a failure of the launcher's own") {
  for (const std::string option : {"--help", "-h", "--version"})
    CHECK(run({"sh", "-c", "exec \"$0\" \"$1\" >/dev/full", built("nosigpipe"), option}).exited(125));
}
