// The handler of static programs put into them from outside: by the launcher at their start, by nosigpipe-attach as
// they run; and what is said of it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "support/attached.h"
#include "support/doctor.h"
#include "support/expect.h"
#include "support/killed_after.h"
#include "support/source_tree.h"
#include "support/tracer.h"

namespace {

// The three ways in which a program is static, and the class that the processor has besides.
const std::vector<Strings> kCompilers = {
    {"gcc", "-static"}, {"gcc", "-static-pie"}, {"musl-gcc", "-static"}, {"gcc", "-static", "-m32"}};
Strings flags_of(const Strings& compiler) { return {compiler.begin() + 1, compiler.end()}; }

class SmallVictim {
 public:
  explicit SmallVictim(const Strings& compiler) {
    output_of(joined(compiler, {"-O2", "-pthread", "-o", file(), source("tests/victims/small_victim.c")}));
  }
  std::string file() const { return directory_ / "small_victim"; }

 private:
  const Directory directory_;
};

// The victim "attached" of a class, linked statically.
struct Class {
  std::string flavour;
  Strings flags;
  long read;  // the number of that call
};
const Class kClasses[] = {{"", {"-static"}, SYS_read}, {"i386/", {"-static", "-m32"}, 3}};

class StaticVictim {
 public:
  explicit StaticVictim(const Class& of) {
    output_of(joined({"g++", "-pthread", "-o", file(), built(of.flavour + "tests/victims/attached.o")}, of.flags));
  }
  std::string file() const { return directory_ / "attached"; }

 private:
  const Directory directory_;
};

Ending attach(const Strings& words) { return run(joined({built("nosigpipe-attach")}, words)); }

void is_armed_by(const Ending& ending) {
  INFO(ending.text() << "\n" << ending.out << ending.err);
  CHECK(ending.exited(0));
  CHECK(ending.out.starts_with("armed "));
  CHECK(has(ending.out,
            "static, the handler; no log, nothing of what it executes, and only until it sets SIGPIPE itself"));
  CHECK(lines_of(ending.out).size() == 1);
}

bool sleeps_in(const Attached& victim, long call) {
  const auto number = std::to_string(call) + " ";
  return eventually([&] { return contents("/proc/" + victim.number() + "/syscall").starts_with(number); });
}

Strings launched(const Strings& command) { return joined({built("nosigpipe")}, command); }

// A TCP socket whose peer has left and has said so.
class DeadTcp {
 public:
  DeadTcp() {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* where = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(bind(listener, where, length) == 0);
    REQUIRE(listen(listener, 1) == 0);
    REQUIRE(getsockname(listener, where, &length) == 0);
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(connect(fd_, where, length) == 0);
    const int peer = accept(listener, nullptr, nullptr);
    const linger reset{1, 0};
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(peer);
    close(listener);
    char byte;
    REQUIRE(read(fd_, &byte, 1) == -1);  // which takes the reset: from now on it is EPIPE
  }
  DeadTcp(const DeadTcp&) = delete;
  DeadTcp& operator=(const DeadTcp&) = delete;
  ~DeadTcp() { close(fd_); }
  int fd() const { return fd_; }

 private:
  int fd_;
};

const std::string kVersion = matches(output_of({built("nosigpipe"), "--version"}), "[0-9.]+")[0];

constexpr const char* kArmedAtStart = ") is linked statically: armed at its start, without a log, and only until ";

}  // namespace

TRACING_TEST_CASE("the launcher arms a static program at its start and says so in one line") {
  for (const auto& compiler : kCompilers) {
    const SmallVictim victim(compiler);
    for (const auto* how : {"write", "writev", "stdio"}) {
      INFO(compiler[0] << compiler[1] << " " << how);
      is_killed_bare({victim.file(), how});
      const auto ending = run(launched({victim.file(), how}));
      INFO(ending.text() << ending.err);
      CHECK(ending.exited(0));
      CHECK(lines_of(ending.err).size() == 1);
      CHECK(has(ending.err, kArmedAtStart));
    }
  }
}

TRACING_TEST_CASE("behind env and a script it is armed, too") {
  const SmallVictim victim(kCompilers[0]);
  const Directory directory;
  const auto script = directory / "script";
  std::ofstream(script) << "#!" + victim.file() + "\n";
  std::filesystem::permissions(script, static_cast<std::filesystem::perms>(0755));
  for (const Strings& command :
       {Strings{"env", "X=1", victim.file(), "write"}, {"env", "env", victim.file(), "write"}}) {
    is_killed_bare(command);
    CHECK(run(launched(command)).exited(0));
  }
  const auto ending = run(launched({script}));
  CHECK(has(ending.err, kArmedAtStart));
  CHECK(!ending.killed_by(SIGPIPE));
}

TRACING_TEST_CASE(
    "armed at its start it has the number, the parent and the group that it would have had, and no child or tracer") {
  for (const auto& compiler : kCompilers) {
    const States states(flags_of(compiler), compiler[0]);
    Waiting victim(launched(states.in({"tcp", "told"})));
    CHECK(output_of({"readlink", "/proc/" + victim.number() + "/exe"}) == states.file() + "\n");
    const auto status = contents("/proc/" + victim.number() + "/status");
    CHECK(has(status, "\nPPid:\t" + std::to_string(getpid()) + "\n"));
    CHECK(has(status, "\nTracerPid:\t0\n"));
    CHECK(getpgid(victim.pid()) == victim.pid());
    CHECK(contents("/proc/" + victim.number() + "/task/" + victim.number() + "/children").empty());
    CHECK(!victim.dies());
  }
}

TRACING_TEST_CASE("a process that is armed so is known to the doctor, with what was averted") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    const States states(of.flags);
    Waiting victim(launched(states.in({"tcp", "told"})));
    CHECK(victim.verdict() == 0);
    CHECK(victim.says(".static_handler.version") == kVersion);
    CHECK(victim.says(".static_handler.averted.write") == "null");
    CHECK(std::stoll(victim.says(".static_handler.since")) + 600 > time(nullptr));
    CHECK(!victim.dies());
    CHECK(!victim.dies());
    CHECK(victim.says(".static_handler.averted.write") == "2");
    const auto rows = doctor({victim.number()}).out;
    INFO(rows);
    CHECK(has(rows, "the handler of static programs, version " + kVersion));
    CHECK(has(rows, "write 2"));
    CHECK(attach({"--detach", victim.number()}).exited(0));
    CHECK(victim.says(".static_handler") == "null");
    CHECK(victim.verdict() == 1);
  }
}

TRACING_TEST_CASE("a static program that runs is armed in each call that it waits in, and the call goes on") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    const StaticVictim program(of);
    for (const std::string kind : {"read", "recv_timeout", "accept", "poll", "ppoll", "select", "epoll_wait",
                                   "sigtimedwait", "semtimedop", "waitpid"}) {
      INFO(kind);
      {
        Attached bare({kind}, {}, program.file());
        CHECK(bare.wake() == "returned");
        CHECK(bare.is_killed_at_write());
      }
      Attached victim({kind}, {}, program.file());
      is_armed_by(attach({victim.number()}));
      CHECK(victim.wake() == "returned");
      CHECK(victim.is_alive_at_write());
    }
  }
}

TRACING_TEST_CASE("in a handler a static program is armed, too, but not on an alternate stack") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    const StaticVictim program(of);
    for (const std::string kind : {"handler", "two_handlers"}) {
      INFO(kind);
      Attached victim({kind}, {}, program.file());
      REQUIRE(sleeps_in(victim, of.read));
      is_armed_by(attach({victim.number()}));
      CHECK(victim.wake() == "returned");
      CHECK(victim.is_alive_at_write());
    }
    Attached victim({"two_handlers_two_stacks"}, {}, program.file());
    REQUIRE(sleeps_in(victim, of.read));
    const auto ending = attach({victim.number()});
    CHECK(ending.exited(125));
    CHECK(has(ending.err, "signal handlers"));
    CHECK(victim.wake() == "returned");
    CHECK(victim.is_killed_at_write());
  }
}

TRACING_TEST_CASE("detached a static program dies as before, and can be armed again") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    const States states(of.flags);
    Waiting victim(states.in({"tcp", "told"}));
    const auto maps = [&] { return lines_of(contents("/proc/" + victim.number() + "/maps")).size(); };
    const auto before = maps();
    is_armed_by(attach({victim.number()}));
    CHECK(maps() == before + 3);
    CHECK(has(attach({victim.number()}).out, "armed before"));
    CHECK(!victim.dies());
    CHECK(attach({"--detach", victim.number()}).exited(0));
    CHECK(attach({"--detach", victim.number()}).exited(1));
    is_armed_by(attach({victim.number()}));
    CHECK(maps() == before + 3);
    CHECK(!victim.dies());
    CHECK(attach({"--detach", victim.number()}).exited(0));
    CHECK(victim.dies());
  }
}

TRACING_TEST_CASE("the handler of a static program is found beside code that the program makes as it runs") {
  const States states({"-static"});
  Waiting victim(states.in({"tcp", "told", "compiles"}));
  is_armed_by(attach({victim.number()}));
  CHECK(victim.survives(SIGUSR2));
  CHECK(victim.says(".static_handler.version") == kVersion);
  CHECK(has(attach({victim.number()}).out, "armed before"));
  CHECK(attach({"--detach", victim.number()}).exited(0));
  CHECK(victim.dies());
}

TRACING_TEST_CASE("detached a static program has the mask and the flags that it had set with the default") {
  const States states({"-static"});
  Waiting victim(states.in({"tcp", "told", "odd-default"}));
  CHECK(victim.survives(SIGUSR2));
  is_armed_by(attach({victim.number()}));
  CHECK(victim.survives(SIGUSR1));
  CHECK(attach({"--detach", victim.number()}).exited(0));
  CHECK(victim.survives(SIGUSR2));
  CHECK(victim.dies());
}

TRACING_TEST_CASE("a static program that ignores SIGPIPE or has a handler of its own is left alone") {
  const States states({"-static"});
  const Waiting ignoring(states.in({"tcp", "ignore"}));
  const auto ignored = attach({ignoring.number()});
  CHECK(ignored.exited(125));
  CHECK(has(ignored.err, "it ignores SIGPIPE: left alone"));
  CHECK(ignoring.says(".sigpipe") == "ignored");
  const Waiting catching(states.in({"tcp", "handle"}));
  const auto caught = attach({catching.number()});
  CHECK(caught.exited(125));
  CHECK(has(caught.err, "a SIGPIPE handler of its own: left alone"));
  CHECK(catching.says(".static_handler") == "null");
  // What it sets itself it has, though it was armed before.
  CHECK(Waiting(launched(states.in({"tcp", "ignore"}))).says(".sigpipe") == "ignored");
  CHECK(Waiting(launched(states.in({"tcp", "told", "default"}))).dies());

  const SmallVictim victim(kCompilers[0]);
  for (const Strings& command : {launched({"env", "--ignore-signal=PIPE", victim.file(), "write"}),
                                 joined({"env", "--ignore-signal=PIPE"}, launched({victim.file(), "write"}))}) {
    const auto ending = run(command);
    INFO(ending.err);
    CHECK(ending.exited(0));
    CHECK(has(ending.err, "ignore"));
    CHECK(!has(ending.err, kArmedAtStart));
  }
}

TRACING_TEST_CASE("what a static program cannot have is refused, and what counts for nothing is told of") {
  const States states({"-static"});
  Waiting victim(states.in({"tcp", "told"}));
  const auto observed = attach({"--mode=observe", victim.number()});
  CHECK(observed.exited(125));
  CHECK(has(observed.err, "linked statically, where nothing can be observed"));
  const auto off = attach({"--mode=off", victim.number()});
  CHECK(off.exited(1));
  CHECK(has(off.err, "nothing is to be done, by --mode=off or /etc/nosigpipe.conf\n"));
  CHECK(victim.says(".static_handler") == "null");
  const auto armed = attach({"--log=/x", victim.number()});
  is_armed_by(armed);
  CHECK(has(armed.out, "; the options given count for nothing;"));
}

TRACING_TEST_CASE("what is not armed at its start is not run") {
  const SmallVictim victim(kCompilers[0]);
  const std::string attach_file = built("nosigpipe-attach");
  for (const Strings& words : {Strings{"--start", "sh", "-c", "echo run"},
                               {"--start", "--", "env", "sh", "-c", "echo run"},
                               {"--start", "--mode=off", victim.file(), "write"},
                               {"--detach", "--start", victim.file(), "write"}}) {
    INFO(words[1]);
    const auto ending = attach(words);
    INFO(ending.text() << ending.out << ending.err);
    CHECK(ending.exited(125));
    CHECK(ending.out == "");
    CHECK(lines_of(ending.err).size() == 1);
  }
  CHECK(attach({"--start", "env", victim.file(), "write"}).exited(0));
  for (const std::string mode : {"off", "observe"}) {
    Start start;
    start.env = {"NOSIGPIPE_MODE=" + mode};
    CHECK(run({attach_file, "--start", victim.file(), "write"}, start).exited(125));
  }
}

TRACING_TEST_CASE("the file of the machine turns it off for static programs, too, whatever else is said") {
  const SmallVictim victim(kCompilers[0]);
  const States states({"-static"});
  const Directory directory;
  std::ofstream(directory / "nosigpipe.conf") << "NOSIGPIPE_MODE=off\n";
  std::filesystem::permissions(directory / "nosigpipe.conf", static_cast<std::filesystem::perms>(0644));
  std::filesystem::permissions(directory.path(), static_cast<std::filesystem::perms>(0755));
  const Strings over{"unshare", "-m", "sh", "-c",
                     "mount -t overlay overlay -o lowerdir=" + directory.path() + ":/etc /etc && exec \"$0\" \"$@\""};
  if (!run(joined(over, {"true"})).exited(0)) SKIP_TEST("no overlay over /etc is permitted here");
  Waiting waiting(joined(over, states.in({"tcp", "told"})));
  const auto off = attach({"--mode=protect", waiting.number()});
  CHECK(off.exited(1));
  CHECK(has(off.err, "nothing is to be done"));
  CHECK(waiting.dies());
  Start start;
  start.env = {"NOSIGPIPE_MODE=protect"};
  const auto ending = run(joined(over, {built("nosigpipe-attach"), "--start", victim.file(), "write"}), start);
  CHECK(ending.exited(125));
  CHECK(has(ending.err, "nothing is to be done"));
}

TRACING_TEST_CASE("a program that starts with SIGPIPE blocked is armed at its start, and blocks it") {
  const SmallVictim victim(kCompilers[0]);
  const States states({"-static"});
  Start blocked;
  blocked.block_sigpipe = true;
  CHECK(run(launched({victim.file(), "write"}), blocked).exited(0));
  Waiting waiting(launched(states.in({"tcp", "told"})), blocked);
  CHECK(waiting.says(".blocking") == "1");
  CHECK(waiting.says(".static_handler.version") == kVersion);
}

TRACING_TEST_CASE("signals that arrive while it is started are neither lost nor a hindrance") {
  const States states({"-static"});
  for (int i = 0; i < 10; ++i) {
    Process process(launched(states.in({"tcp", "told"})));
    for (int j = 0; j < 200 && process.running(); ++j) {
      process.signal(SIGSTOP);
      process.signal(SIGCONT);
    }
    REQUIRE(eventually([&] {
      return member(doctor({"--json", std::to_string(process.pid())}).out, ".static_handler.version") == kVersion;
    }));
    process.signal(SIGTERM);
    CHECK(process.wait().killed_by(SIGTERM));
  }
}

TRACING_TEST_CASE("killed at each of its steps nosigpipe-attach leaves a static program as before or armed") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    const StaticVictim program(of);
    int as_before = 0, armed = 0;
    for (int calls = 1;; ++calls) {
      INFO("after " << calls);
      Attached victim({"read"}, {}, program.file());
      REQUIRE(sleeps_in(victim, of.read));
      const auto killed = killed_after(calls, {built("nosigpipe-attach"), victim.number()}, 0);
      CHECK(victim.wake() == "returned");
      const auto next = victim.line();
      CHECK((next == "alive" || victim.is_killed_at_write()));
      ++(next == "alive" ? armed : as_before);
      if (!killed.is_killed) break;
    }
    INFO(as_before << " as before, " << armed << " armed");
    CHECK(as_before > 5);
    CHECK(armed > 5);
  }
}

TRACING_TEST_CASE("killed at each of its steps at the start it leaves the program as bare, armed or not run") {
  for (const auto& compiler : {kCompilers.front(), kCompilers.back()}) {
    INFO(compiler.back());
    const SmallVictim victim(compiler);
    int not_run = 0, as_bare = 0, armed = 0;
    for (int calls = 1;; ++calls) {
      INFO("after " << calls);
      const auto killed = killed_after(calls, {built("nosigpipe-attach"), "--start", victim.file(), "write"}, 2);
      const bool is_armed = WIFEXITED(killed.status) && WEXITSTATUS(killed.status) == 0;
      const bool is_not_run = WIFEXITED(killed.status) && WEXITSTATUS(killed.status) == 125;
      const bool is_as_bare = WIFSIGNALED(killed.status) && WTERMSIG(killed.status) == SIGPIPE;
      CHECK((is_armed || is_not_run || is_as_bare));
      ++(is_armed ? armed : is_not_run ? not_run : as_bare);
      if (!killed.is_killed) break;
    }
    INFO(not_run << " not run, " << as_bare << " as bare, " << armed << " armed");
    CHECK(not_run == 1);
    CHECK(as_bare > 5);
    CHECK(armed > 5);
  }
}

TRACING_TEST_CASE("killed 200 times at random nosigpipe-attach leaves a static program as before or armed") {
  const StaticVictim programs[]{StaticVictim(kClasses[0]), StaticVictim(kClasses[1])};
  std::mt19937 random(4711);
  // The shortest of some: one that was held up would have nearly all killed after their end.
  auto whole = std::chrono::microseconds::max();
  for (int i = 0; i < 9; ++i) {
    Attached victim({"read"}, {}, programs[0].file());
    const auto begin = std::chrono::steady_clock::now();
    CHECK(attach({victim.number()}).exited(0));
    const auto took = std::chrono::steady_clock::now() - begin;
    whole = std::min(whole, std::chrono::duration_cast<std::chrono::microseconds>(took));
  }
  int as_before = 0, armed = 0;
  for (int i = 0; i < 200; ++i) {
    Attached victim({i % 2 == 0 ? "read" : "poll"}, {}, programs[i / 2 % 2].file());
    {
      Process process({built("nosigpipe-attach"), victim.number()});
      std::this_thread::sleep_for(whole * (random() % 2000) / 1000);
      process.signal(SIGKILL);
      process.wait();
    }
    CHECK(victim.wake() == "returned");
    const auto next = victim.line();
    CHECK((next == "alive" || victim.is_killed_at_write()));
    ++(next == "alive" ? armed : as_before);
  }
  INFO(as_before << " as before, " << armed << " armed");
  CHECK(as_before > 0);
  CHECK(armed > 0);
}

TRACING_TEST_CASE("Debian's static busybox lives") {
  const Directory directory;
  Start start;
  start.directory = directory.path();
  if (!run({"apt-get", "download", "busybox-static"}, start).exited(0))
    SKIP_TEST("there is no busybox-static to be had");
  output_of({"sh", "-c", "dpkg -x *.deb ."}, start);
  const auto found = lines_of(output_of({"find", directory.path(), "-path", "*/bin/busybox"}));
  REQUIRE(found.size() == 1);
  const Strings yes{found[0], "yes"};
  Start dead;
  const DeadTcp bare, armed;
  dead.out = bare.fd();
  CHECK(run(yes, dead).killed_by(SIGPIPE));
  dead.out = armed.fd();
  const auto ending = run(launched(yes), dead);
  INFO(ending.text() << ending.err);
  CHECK(ending.exited(1));
  CHECK(has(ending.err, "Broken pipe"));
  const auto to_head = built("nosigpipe") + " " + found[0] + " yes 2>/dev/null | head -n 1; exit ${PIPESTATUS[0]}";
  CHECK(run({"bash", "-c", to_head}).exited(128 + SIGPIPE));
}
