// nosigpipe-attach: a process that is running is armed, detached, or left as it was; and is none the worse whatever
// happens to who does it.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <set>
#include <thread>

#include "support/attached.h"
#include "support/demo_server.h"
#include "support/directory.h"
#include "support/doctor.h"
#include "support/kernel.h"
#include "support/source_tree.h"
#include "support/tracer.h"
#include "victims/filter.h"

namespace {

// Of each class the victim, the library, and the numbers of its system calls.
struct Class {
  std::string flavour;
  long read, epoll_wait, futex, recvfrom;
  long reboot, memfd_create, kcmp, openat, rt_sigpending;
  // That the victim of a kind sleeps in.
  long call_of(const std::string& kind) const {
    return kind == "epoll_wait" ? epoll_wait : kind == "recv_timeout" ? recvfrom : read;
  }
  std::string victim() const { return built(flavour + "tests/victims/attached"); }
  std::string library() const { return built(flavour + "tests/victims/libstandin.so"); }
};
const Class kWide{"",         SYS_read,         SYS_epoll_wait, SYS_futex,  SYS_recvfrom,
                  SYS_reboot, SYS_memfd_create, SYS_kcmp,       SYS_openat, SYS_rt_sigpending};
const Class kNarrow{"i386/", 3, 256, 240, 102 /* socketcall */, 88, 356, 349, 295, 176};
const Class kClasses[] = {kWide, kNarrow};

class Victim : public Attached {
 public:
  Victim(const Class& of, const Strings& words) : Attached(words, {}, of.victim()) {}
};

Strings attach_command(const Strings& words, const Class& of = kWide) {
  return joined({built("nosigpipe-attach"), "--library=" + of.library()}, words);
}

Ending attach(const Strings& words, const Class& of = kWide) { return run(attach_command(words, of)); }

// In this call, not on its way there. The third field of the first thread's stat would say that it sleeps, and not
// where.
bool sleeps_in(const Attached& victim, long call) {
  const auto number = std::to_string(call) + " ";
  return eventually([&] { return contents("/proc/" + victim.number() + "/syscall").starts_with(number); });
}

void is_armed_by(const Ending& ending, Attached& victim) {
  INFO(ending.text() << "\n" << ending.out << ending.err);
  CHECK(ending.exited(0));
  CHECK(has_match(ending.out, "^armed " + victim.number() +
                                  " \\(attached\\): a handler, and the options \"\"; one thread stopped for "
                                  "[0-9]+\\.[0-9] ms\n$"));
  CHECK(victim.wake() == "returned");
  CHECK(victim.is_alive_at_write());
}

void is_refused(const Ending& ending, const std::string& reason) {
  INFO(ending.text() << "\n" << ending.out << ending.err);
  CHECK(ending.exited(125));
  CHECK(ending.out == "");
  CHECK(has(ending.err, reason));
  CHECK(lines_of(ending.err).size() == 1);
}

void dies_bare(const Class& of, const Strings& words) {
  Victim victim(of, words);
  CHECK(victim.wake() == "returned");
  CHECK(victim.is_killed_at_write());
}

}  // namespace

TRACING_TEST_CASE("a process that waits in a call is armed, and the call goes on as if nothing had been") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    for (const std::string kind : {"read", "readv", "recv", "recv_timeout", "recvmsg", "recvmmsg", "accept",
                                   "accept_timeout", "poll", "ppoll", "select", "pselect", "epoll_wait", "epoll_pwait",
                                   "sigtimedwait", "semtimedop", "msgrcv", "mq_receive", "waitpid"}) {
      INFO(kind);
      dies_bare(of, {kind});
      Victim victim(of, {kind});
      is_armed_by(attach({victim.number()}, of), victim);
    }
  }
}

TRACING_TEST_CASE("the numbers of the system calls are those of the kernel, for both classes") {
  const Directory directory;
  const auto numbers = directory / "numbers.cpp";
  std::ofstream(numbers) << R"(
#include <sys/syscall.h>
#ifdef __x86_64__
#define CALL(name, x86_64, i386, stopped) static_assert(x86_64 == -1 || SYS_##name == x86_64);
#define SYS_waitpid -1
#define SYS_sigsuspend -1
#define SYS_socketcall -1
#define SYS_ipc -1
#define TIME64(name) SYS_##name##_time64 = -1
enum { TIME64(ppoll), TIME64(pselect6), TIME64(recvmmsg), TIME64(clock_nanosleep), TIME64(mq_timedreceive),
       TIME64(rt_sigtimedwait), TIME64(semtimedop), TIME64(io_pgetevents), TIME64(futex), SYS_clock_gettime64 = -1 };
#else
#define CALL(name, x86_64, i386, stopped) static_assert(i386 == -1 || SYS_##name == i386);
#undef SYS_select
#undef SYS_mmap
#undef SYS_fstat
#undef SYS_stat
#undef SYS_fcntl
#undef SYS_getuid
#undef SYS_geteuid
#define SYS_select SYS__newselect
#define SYS_mmap SYS_mmap2
#define SYS_fstat SYS_fstat64
#define SYS_stat SYS_stat64
#define SYS_newfstatat SYS_fstatat64
#define SYS_fcntl SYS_fcntl64
#define SYS_getuid SYS_getuid32
#define SYS_geteuid SYS_geteuid32
enum { SYS_accept = -1, SYS_semop = -1, SYS_semtimedop = -1 };
#endif
#include "attach/calls.def"
)";
  for (const std::string flag : {"-m64", "-m32"}) {
    const auto compiled = run({"g++", flag, "-std=c++17", "-fsyntax-only", "-I" + source("shim"), numbers});
    INFO(flag << compiled.err);
    CHECK(compiled.exited(0));
  }
}

TRACING_TEST_CASE("all of a thread's registers, its mask and its alternate stack are as they were") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    for (const std::string kind : {"registers", "segment", "wide_register"}) {
      INFO(kind);
      dies_bare(of, {kind});
      Victim victim(of, {kind});
      is_armed_by(attach({victim.number()}, of), victim);
      CHECK(attach({"--detach", victim.number()}, of).exited(0));
      is_armed_by(attach({victim.number()}, of), victim);
    }
  }
}

TRACING_TEST_CASE("a 32-bit process gets the library of its class, which lies elsewhere") {
  dies_bare(kNarrow, {"epoll_wait"});
  Victim victim(kNarrow, {"epoll_wait"});
  const Strings late{built("nosigpipe-attach")};
  const auto armed = run(joined(late, {victim.number()}));
  INFO(armed.out << armed.err);
  CHECK(armed.exited(0));
  CHECK(has(armed.out, " modules and the handler; "));
  CHECK(has(contents("/proc/" + victim.number() + "/maps"), built("i386/libnosigpipe-attach.so")));
  CHECK(victim.wake() == "returned");
  CHECK(victim.is_alive_at_write());
  CHECK(run(joined(late, {"--detach", victim.number()})).exited(0));
  CHECK(victim.wake() == "returned");
  CHECK(victim.is_killed_at_write());

  const Directory alone;
  std::filesystem::copy_file(built("nosigpipe-attach"), alone / "nosigpipe-attach");
  std::filesystem::copy_file(built("libnosigpipe-attach.so"), alone / "libnosigpipe-attach.so");
  Victim other(kNarrow, {"epoll_wait"});
  is_refused(run({alone / "nosigpipe-attach", other.number()}), "for a program of i386: install it");
  CHECK(other.wake() == "returned");
  CHECK(other.is_killed_at_write());
}

// Linked where no program has memory, so that it lies below that: in words of its class its base is less than nothing.
TRACING_TEST_CASE("the entry is found of a library that lies below the address that it was linked at") {
  for (const auto& [of, flags] : {std::pair(kWide, Strings{"-Wl,-Ttext-segment=0x800000000000"}),
                                  std::pair(kNarrow, Strings{"-m32", "-Wl,-Ttext-segment=0xfff00000"})}) {
    INFO(of.flavour);
    const Directory directory;
    const auto library = directory / "libstandin.so";
    output_of(joined({"g++", "-shared", "-fPIC", "-o", library, source("tests/victims/libstandin.cpp")}, flags));
    Victim victim(of, {"read"});
    is_armed_by(run({built("nosigpipe-attach"), "--library=" + library, victim.number()}), victim);
  }
}

TRACING_TEST_CASE("a program that was started by its loader as a command is armed and detached") {
  for (const auto& [of, loader] :
       {std::pair(kWide, "/lib64/ld-linux-x86-64.so.2"), std::pair(kNarrow, "/lib/ld-linux.so.2")}) {
    INFO(loader);
    Attached victim({of.victim(), "read"}, {}, loader);
    const auto armed = attach({victim.number()}, of);
    INFO(armed.out << armed.err);
    CHECK(armed.exited(0));
    CHECK(victim.wake() == "returned");
    CHECK(victim.is_alive_at_write());
    CHECK(attach({"--detach", victim.number()}, of).exited(0));
    CHECK(victim.wake() == "returned");
    CHECK(victim.is_killed_at_write());
  }
}

TRACING_TEST_CASE("what was armed can be detached, dies as before, and can be armed again") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    Victim victim(of, {"epoll_wait"});
    is_armed_by(attach({victim.number()}, of), victim);
    const auto detached = attach({"--detach", victim.number()}, of);
    INFO(detached.err);
    CHECK(detached.exited(0));
    CHECK(detached.out.starts_with("detached " + victim.number() + " (attached): no handler; one thread stopped for "));
    is_armed_by(attach({victim.number()}, of), victim);
    CHECK(attach({"--detach", victim.number()}, of).exited(0));
    CHECK(attach({"--detach", victim.number()}, of).exited(1));
    CHECK(victim.wake() == "returned");
    CHECK(victim.is_killed_at_write());
  }
}

TRACING_TEST_CASE("options reach the library as lines, and those that are not valid are refused before") {
  Attached victim({"read"});
  for (const std::string wrong : {"--stack=33", "--stack=", "--mode=none", "--log=relative", "--log=a/b", "--colour=1",
                                  "--stack", "--detach=1", "--mode=", "--format=json\n"})
    CHECK(run(attach_command({wrong, victim.number()})).exited(125));
  const auto ending = attach({"--log=/var/log/x", "--stack=7", "--mode=observe", victim.number()});
  CHECK(has(ending.out, "\"NOSIGPIPE_LOG=/var/log/x\\x0aNOSIGPIPE_STACK=7\\x0aNOSIGPIPE_MODE=observe\\x0a\""));
}

TRACING_TEST_CASE("a thread that waits for a lock is not taken, but one beside it that waits in a call") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    Victim alone(of, {"futex", "futex=3"});
    REQUIRE(sleeps_in(alone, of.futex));
    is_refused(attach({alone.number()}, of), "no thread could be taken");
    CHECK(alone.wake() == "returned");
    CHECK(alone.is_killed_at_write());

    Victim beside(of, {"epoll_wait", "futex=63"});
    is_armed_by(attach({beside.number()}, of), beside);
  }
}

TRACING_TEST_CASE("a thread that waits for all that it has asked for is not taken, since a stop would cut that short") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    Victim victim(of, {"recv_all"});
    REQUIRE(sleeps_in(victim, of.recvfrom));
    is_refused(attach({victim.number()}, of), "no thread could be taken");
    CHECK(victim.wake() == "returned");
    CHECK(victim.is_killed_at_write());
  }
}

TRACING_TEST_CASE("who computes all the time is left as it was") {
  Attached victim({"spin", "spin=1"});
  is_refused(attach({victim.number()}), "they compute");
  CHECK(victim.wake() == "returned");
  CHECK(victim.is_killed_at_write());
}

TRACING_TEST_CASE("a thread in a signal handler is not taken, unless what that has interrupted holds no lock") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    for (const std::string kind : {"handler", "two_handlers", "two_handlers_two_stacks"}) {
      INFO(kind);
      dies_bare(of, {kind});
      Victim victim(of, {kind});
      REQUIRE(sleeps_in(victim, of.read));
      is_refused(attach({victim.number()}, of), "are, or look as if they were, in signal handlers");
      CHECK(victim.wake() == "returned");
      CHECK(victim.is_killed_at_write());
    }
    Victim victim(of, {"handler_in_call"});
    REQUIRE(sleeps_in(victim, of.read));
    is_armed_by(attach({victim.number()}, of), victim);
  }
}

TRACING_TEST_CASE("the signal frame that a handler has left behind is no hindrance") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    for (const std::string kind : {"left_frame", "left_frame_of_restarted"}) {
      INFO(kind);
      dies_bare(of, {kind});
      Victim victim(of, {kind});
      REQUIRE(sleeps_in(victim, of.read));
      is_armed_by(attach({victim.number()}, of), victim);
    }
  }
}

TRACING_TEST_CASE("a thread at the end of a stack that the kernel lets grow is armed") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    dies_bare(of, {"deep_down"});
    Victim victim(of, {"deep_down"});
    REQUIRE(sleeps_in(victim, of.read));
    is_armed_by(attach({victim.number()}, of), victim);
  }
}

TRACING_TEST_CASE("several processes are each told of, and the highest status wins") {
  Attached first({"read"}), second({"poll"});
  const auto both = attach({first.number(), second.number()});
  CHECK(both.exited(0));
  CHECK(lines_of(both.out).size() == 2);
  CHECK(first.wake() == "returned");
  CHECK(first.is_alive_at_write());
  CHECK(second.wake() == "returned");
  CHECK(second.is_alive_at_write());
  Attached third({"read"});
  const auto one = attach({"999999999", third.number()});
  CHECK(one.exited(125));
  CHECK(has(one.err, "no such process"));
  CHECK(has(one.out, "armed " + third.number()));
  CHECK(third.wake() == "returned");
  CHECK(third.is_alive_at_write());
}

TRACING_TEST_CASE("a value may be the next word, and --log alone is standard error") {
  Attached victim({"read"});
  const auto ending = attach({"--stack", "7", "--mode", "protect", "--mode", "observe", "--log", victim.number()});
  CHECK(has(ending.out, "\"NOSIGPIPE_STACK=7\\x0aNOSIGPIPE_MODE=observe\\x0aNOSIGPIPE_LOG=stderr\\x0a\""));
  is_refused(attach({"--log", "/var/log/x", victim.number()}), "do you mean --log=/var/log/x?");
  is_refused(attach({victim.number(), "--mode"}), "--mode is no PID");
  is_refused(attach({"--mode"}), "wants a value");
}

TRACING_TEST_CASE("armed before it is armed, and what was given then counts for nothing") {
  const auto late = [](const Strings& words) { return run(joined({built("nosigpipe-attach")}, words)); };
  Attached victim({"read"});
  CHECK(late({victim.number()}).exited(0));
  const auto again = late({victim.number()});
  CHECK(again.exited(0));
  CHECK(has(again.out, "): already armed; one thread"));
  const auto with_log = late({"--log=/nonexistent/x", victim.number()});
  CHECK(with_log.exited(0));
  CHECK(has(with_log.out, "): already armed; the options given count for nothing"));
  CHECK(victim.wake() == "returned");
  CHECK(victim.is_alive_at_write());
}

TRACING_TEST_CASE("a log whose directory is not there is told of") {
  Attached victim({"read"}), other({"read"});
  CHECK(
      has(attach({"--log=/nonexistent/dir/x", victim.number()}).out, "it has no directory /nonexistent/dir for a log"));
  CHECK(!has(attach({"--log=/tmp/%p", other.number()}).out, "directory"));
}

TRACING_TEST_CASE("a process whose main thread has ended is armed and detached through another") {
  for (const Strings& options : {Strings{}, {"-static"}}) {
    const States states(options);
    Waiting victim(states.in({"tcp", "told", "thread-alone"}));
    REQUIRE(eventually([&] { return has(contents("/proc/" + victim.number() + "/status"), "State:\tZ"); }));
    const auto armed = run({built("nosigpipe-attach"), victim.number()});
    INFO(armed.text() << armed.err);
    CHECK(armed.exited(0));
    CHECK(armed.out.starts_with("armed " + victim.number() + " (states): "));
    CHECK(victim.survives(SIGUSR1));
    CHECK(run({built("nosigpipe-attach"), "--detach", victim.number()}).exited(0));
    CHECK(victim.dies());
  }
}

TRACING_TEST_CASE("what standard output does not take is told of") {
  Attached victim({"read"});
  Start full;
  full.out = open("/dev/full", O_WRONLY | O_CLOEXEC);
  const auto ending = run(attach_command({victim.number()}), full);
  close(full.out);
  CHECK(ending.exited(2));
  CHECK(has(ending.err, "cannot write to standard output: No space left on device"));
}

TRACING_TEST_CASE("who is left to a library that takes its time is so while the next process is seen to") {
  const Directory directory;
  const auto fifo = directory / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  Start start;
  start.env = {"CONSTRUCTOR=" + fifo, "CONSTRUCTED=2"};
  Attached victim({"read"}, start), next({"spin", "spin=1"});
  Process command({built("nosigpipe-attach"), "--library=" + built("tests/victims/libconstructed.so"), victim.number(),
                   next.number()});
  const auto tracer = [&](const Attached& of) {
    return matches(contents("/proc/" + of.number() + "/status"), "TracerPid:\\t[0-9]+")[0];
  };
  REQUIRE(eventually([&] { return tracer(victim) != "TracerPid:\t0"; }));
  CHECK(eventually([&] { return tracer(victim) == "TracerPid:\t0"; }));
  CHECK(command.running());
  close(open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
  CHECK(victim.wake() == "returned");
  CHECK(command.wait().exited(125));
}

TRACING_TEST_CASE("threads that allocate all the time are no hindrance") {
  Attached victim({"poll", "malloc=4"});
  is_armed_by(attach({victim.number()}), victim);
}

TRACING_TEST_CASE("while another thread is at work in the loader it is left as it was, and armed when that is over") {
  const Directory directory;
  const auto fifo = directory / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  Start start;
  start.env = {"CONSTRUCTOR=" + fifo};
  Attached victim({"read", "loading=" + built("tests/victims/libconstructed.so")}, start);
  is_refused(attach({victim.number()}), "is at work in the loader, in dlopen or in what a library does at its start");
  CHECK(attach({"--detach", victim.number()}).exited(125));
  close(open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
  is_armed_by(attach({victim.number()}), victim);
}

TRACING_TEST_CASE("in a seccomp filter it is armed where nothing that it takes would kill") {
  if (geteuid() != 0) SKIP_TEST("only root is told what a seccomp filter is");
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    const auto with = [](const std::string& what, long call) { return what + "=" + std::to_string(call); };
    Victim harmless(of, {"read", with("deadly", of.reboot), with("denied", of.memfd_create), with("denied", of.kcmp)});
    is_armed_by(attach({harmless.number()}, of), harmless);
    for (const auto& [word, name] : {std::pair(with("deadly", of.openat), "openat"),
                                     std::pair(with("denied", of.rt_sigpending), "rt_sigpending")}) {
      Victim victim(of, {"read", word});
      is_refused(attach({victim.number()}, of), std::string("does not let it call ") + name);
      CHECK(victim.wake() == "returned");
      CHECK(victim.is_killed_at_write());
    }
  }
}

TRACING_TEST_CASE("of several threads one that is alone in a deadly filter is not taken") {
  if (geteuid() != 0) SKIP_TEST("only root is told what a seccomp filter is");
  const auto word = "confined=" + std::to_string(SYS_openat);
  Attached victim({"futex", word});
  REQUIRE(sleeps_in(victim, SYS_futex));
  is_refused(attach({victim.number()}), "does not let it call openat");
  CHECK(victim.wake() == "returned");
  CHECK(victim.is_killed_at_write());
  Attached beside({"epoll_wait", word});
  is_armed_by(attach({beside.number()}), beside);
}

TRACING_TEST_CASE("a thread that has its system calls sent to itself is not taken") {
  if (is_kernel_before(6, 4)) SKIP_TEST("before Linux 6.4 nobody tells");
  dies_bare(kWide, {"read", "dispatched=1"});
  Attached victim({"read", "dispatched=1"});
  is_refused(attach({victim.number()}), "PR_SET_SYSCALL_USER_DISPATCH");
  CHECK(victim.wake() == "returned");
  CHECK(victim.is_killed_at_write());
}

TRACING_TEST_CASE("who ignores SIGPIPE, is traced or stopped, or is ours already is left as it was") {
  Attached ignoring({"read"}, ignoring_sigpipe());
  is_refused(attach({ignoring.number()}), "ignores SIGPIPE");
  CHECK(ignoring.wake() == "returned");
  CHECK(ignoring.is_alive_at_write());

  Attached victim({"read"});
  REQUIRE(sleeps_in(victim, SYS_read));
  victim.process().signal(SIGSTOP);
  REQUIRE(eventually([&] { return has(contents("/proc/" + victim.number() + "/status"), "State:\tT"); }));
  is_refused(attach({victim.number()}), "kill -CONT " + victim.number());
  victim.process().signal(SIGCONT);
  REQUIRE(ptrace(PTRACE_SEIZE, victim.pid(), nullptr, nullptr) == 0);
  is_refused(attach({victim.number()}), "traced by process " + std::to_string(getpid()));
  CHECK(victim.wake() == "returned");

  Attached preloaded({"read"}, with_shim());
  is_refused(attach({preloaded.number()}), "started under nosigpipe");
  is_refused(attach({"--detach", preloaded.number()}), "started under nosigpipe");
  CHECK(preloaded.wake() == "returned");
  CHECK(preloaded.is_alive_at_write());

  Attached never({"read"});
  is_refused(attach({"--detach", never.number()}), "has not armed it");
  is_refused(attach({"2"}), "");
  is_refused(attach({"999999999"}), "no such process");
}

TRACING_TEST_CASE("who may not be traced is refused with the reason and the remedy") {
  if (geteuid() != 0) SKIP_TEST("only root can become somebody else");
  const Strings as_nobody{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
  Attached victim({"read"});
  is_refused(run(joined(as_nobody, attach_command({victim.number()}))), "do it as root");
  is_refused(run(joined({"setpriv", "--bounding-set=-sys_ptrace"}, attach_command({victim.number()}))),
             "root has no CAP_SYS_PTRACE here: ");
  CHECK(victim.wake() == "returned");
  CHECK(victim.is_killed_at_write());
}

namespace {

// The victim with other mounts, or in another root: `script` makes them, of what stands in $1, and executes "$@".
struct Elsewhere {
  Directory directory;
  Attached victim;
  Elsewhere(const std::string& script, const std::string& file)
      : victim({"--mount", "sh", "-ec", script, "sh", directory.path(), file, "epoll_wait"}, {}, "unshare") {}
};

const std::string kRoot =
    "root=$1; shift; for part in bin lib lib64 usr dev; do mkdir -p \"$root/$part\"; mount --bind \"/$part\" "
    "\"$root/$part\"; done; cp \"$1\" \"$root/attached\"; ";

void is_armed_from_memory(Attached& victim) {
  is_armed_by(attach({victim.number()}), victim);
  CHECK(has(contents("/proc/" + victim.number() + "/maps"), "/memfd:libstandin.so (deleted)"));
  for (const auto& fd : std::filesystem::directory_iterator("/proc/" + victim.number() + "/fd"))
    CHECK(!has(std::filesystem::read_symlink(fd).string(), "libstandin"));
}

}  // namespace

TRACING_TEST_CASE("with other mounts or another root, where the library is not, it is loaded from memory") {
  if (geteuid() != 0) SKIP_TEST("only root can mount");
  const auto file = built("tests/victims/attached");
  Elsewhere mounts("cp \"$2\" \"$1\"; mount -t tmpfs none " + built("tests") + "; exec \"$1/attached\" \"$3\"", file);
  is_armed_from_memory(mounts.victim);
  Elsewhere root(
      kRoot + "mkdir \"$root/proc\"; mount -t proc none \"$root/proc\"; exec chroot \"$root\" /attached \"$2\"", file);
  is_armed_from_memory(root.victim);
  Elsewhere without_proc(kRoot + "exec chroot \"$root\" /attached \"$2\"", file);
  is_refused(attach({without_proc.victim.number()}), "No such file or directory");
  CHECK(without_proc.victim.wake() == "returned");
  CHECK(without_proc.victim.is_killed_at_write());
}

TRACING_TEST_CASE("a server that is armed and detached a hundred times under load loses no client") {
  for (const auto& [program, url] :
       {std::pair<std::string, std::string>("server", "/writev/file"), {"eventloop", "/file"}}) {
    INFO(program);
    DemoServer server({built("demo/" + program)});
    std::atomic<bool> is_over = false;
    long wrong = 0, requests = 0;
    std::thread clients([&, urls = Strings{url}] {
      while (!is_over) {
        const auto attack = server.attack(500, 0, urls);
        requests += attack.requests;
        if (!attack.well_answered()) ++wrong;
      }
    });
    const auto number = std::to_string(server.process().pid());
    std::string refused;
    for (int i = 0; i < 50; ++i)
      for (const auto& ending : {attach({number}), attach({"--detach", number})})
        if (!ending.exited(0)) refused += ending.text() + ": " + ending.err;
    is_over = true;
    clients.join();
    CHECK(wrong == 0);
    CHECK(requests >= 500);
    CHECK(refused == "");
    CHECK(server.process().running());
  }
}

namespace {

// The command under our eyes: where it has come back from so many calls of ptrace(2), something is done. It stops at
// these alone, by a seccomp filter, so that it is hardly slower than it would be.
class Watched {
 public:
  explicit Watched(const Strings& command) : pid_(fork()) {
    if (pid_ == 0) {
      ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      std::vector<char*> argv;
      for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
      argv.push_back(nullptr);
      dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 1);
      auto code = filter_of({SYS_ptrace}, SECCOMP_RET_TRACE);
      const auto filter = program_of(code);
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
      execv(argv[0], argv.data());
      _exit(127);
    }
    REQUIRE(waitpid(pid_, &status_, 0) == pid_);
    constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
    REQUIRE(ptrace(PTRACE_SETOPTIONS, pid_, nullptr, kOptions) == 0);
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() {
    if (!WIFSTOPPED(status_)) return;  // it is reaped, and its number may be another's
    kill(pid_, SIGKILL);
    while (waitpid(pid_, &status_, 0) == pid_ && WIFSTOPPED(status_)) {
    }
  }

  // False where it has ended before.
  bool comes_back_from(int calls) {
    while (calls > 0) {
      if (!goes_on(PTRACE_CONT)) return false;
      if (status_ >> 16 != PTRACE_EVENT_SECCOMP) continue;
      user_regs_struct registers{};
      ptrace(PTRACE_GETREGS, pid_, nullptr, &registers);
      if (!goes_on(PTRACE_SYSCALL)) return false;
      --calls;
      calls_of_try_ = registers.rdi == PTRACE_SEIZE ? 1 : calls_of_try_ + 1;
    }
    return true;
  }
  // Since it has last seized a thread: it tries again where the machine is too busy.
  int calls_of_try() const { return calls_of_try_; }
  void ends() {
    while (goes_on(PTRACE_CONT)) {
    }
  }
  int status() const { return status_; }

 private:
  // To its next stop.
  bool goes_on(__ptrace_request how) {
    const int signal = WSTOPSIG(status_);
    ptrace(how, pid_, nullptr, signal == (SIGTRAP | 0x80) || signal == SIGTRAP ? 0 : signal);
    if (waitpid(pid_, &status_, 0) != pid_) FAIL("it cannot be watched");
    if (WIFSTOPPED(status_)) return true;
    CHECK(WIFEXITED(status_));
    return false;
  }

  pid_t pid_;
  int status_ = 0, calls_of_try_ = 0;
};

}  // namespace

TRACING_TEST_CASE("killed at each of its steps, nosigpipe-attach leaves a process that goes on, as before or armed") {
  for (const auto& of : kClasses) {
    INFO(of.flavour);
    for (const std::string kind : {"registers", "epoll_wait"}) {
      std::set<int> interrupted;  // where in its last try
      int as_before = 0, armed = 0;
      for (int calls = 1;; ++calls) {
        INFO(kind << " after " << calls);
        Victim victim(of, {kind});
        REQUIRE(sleeps_in(victim, of.call_of(kind)));
        bool is_killed = false;
        int calls_of_try = 0;
        {
          Watched command(attach_command({victim.number()}, of));
          is_killed = command.comes_back_from(calls);
          calls_of_try = command.calls_of_try();
          CHECK((is_killed || command.status() == 0));
        }
        const auto said = victim.wake();
        if (said == std::strerror(EINTR))
          interrupted.insert(calls_of_try);
        else
          CHECK(said == "returned");
        const auto next = said == "returned" ? victim.line() : "";
        CHECK((next == "alive" || victim.is_killed_at_write()));
        ++(next == "alive" ? armed : as_before);
        if (!is_killed) break;
      }
      INFO(as_before << " as before, " << armed << " armed");
      CHECK(as_before > 5);
      CHECK(armed > 5);
      // Between the stop and the next call of ours, where only the kernel knows what it has made of the call.
      CHECK(interrupted.size() <= (kind == "registers" ? 0 : 2));
    }
  }
}

TRACING_TEST_CASE("a signal that comes at any of its steps ends a call or not, as it would have") {
  struct Scene {
    Strings words;
    int signal;
    bool is_ended;
  };
  const Scene scenes[] = {{{"epoll_wait"}, SIGUSR1, true},
                          {{"recv_timeout"}, SIGUSR1, true},
                          {{"read", "ending=" + std::to_string(SIGUSR1)}, SIGUSR1, true},
                          {{"read"}, SIGUSR1, false},
                          {{"epoll_wait"}, SIGWINCH, false}};
  for (const auto& of : kClasses) {
    for (const auto& [words, signal, is_ended] : scenes) {
      for (int calls = 1;; ++calls) {
        INFO(of.flavour << words.front() << (words.size() > 1 ? ", without SA_RESTART" : "") << ", signal " << signal
                        << ", after " << calls);
        Victim victim(of, words);
        REQUIRE(sleeps_in(victim, of.call_of(words.front())));
        Watched command(attach_command({victim.number()}, of));
        if (!command.comes_back_from(calls)) {
          CHECK(calls > 20);
          CHECK(command.status() == 0);
          break;
        }
        victim.process().signal(signal);
        command.ends();
        CHECK((is_ended ? victim.line() : victim.wake()) == (is_ended ? std::strerror(EINTR) : "returned"));
      }
    }
  }
}
