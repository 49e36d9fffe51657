// The guard: an fd that becomes another, calls that never return, counts that are short, calls that ask for no signal,
// rings, marks, locks, filters. In each a program that does nothing unusual was once killed, or lost a signal.

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "support/directory.h"
#include "support/kernel.h"
#include "support/log_lines.h"
#include "support/scene.h"
#include "support/source_tree.h"
#include "support/victims.h"

namespace {

bool is_refused(const std::string& scene) { return bare(scene, ignoring_sigpipe()).out.starts_with("refused"); }

// It prints what it prints with SIGPIPE ignored, started by these words and with these variables.
void survives_as(const Strings& by, const std::string& scene, const std::vector<Strings>& guards) {
  const auto argv = joined(by, {built("tests/victims/scenes/scenes"), scene});
  INFO(scene);
  CHECK(run(argv).killed_by(SIGPIPE));
  const auto oracle = run(argv, ignoring_sigpipe());
  REQUIRE(oracle.exited(0));
  for (const auto& guard : guards) {
    const auto ending = run(argv, with_shim(guard));
    INFO(words(guard) << ending.err);
    CHECK(ending.text() == oracle.text());
    CHECK(ending.out == oracle.out);
  }
}

// For settings that leave handlers to the program, and a log whose handler stands before the program's.
const std::vector<Strings> kWithLog = {{"NOSIGPIPE_LOG=/dev/null"},
                                       {"NOSIGPIPE_GUARD=mask", "NOSIGPIPE_LOG=/dev/null"}};

}  // namespace

// The fd is replaced.

TEST_CASE("an fd that becomes a file while threads write to it: write") { survives("replaced_by_file_write"); }
TEST_CASE("an fd that becomes a file while threads write to it: writev") { survives("replaced_by_file_writev"); }
TEST_CASE("an fd that becomes a file while threads write to it: sendfile") { survives("replaced_by_file_sendfile"); }
TEST_CASE("an fd that becomes a file while threads write to it: dprintf") {
  survives("replaced_by_file_dprintf", kGuardsWithHandler);
}
TEST_CASE("an fd that becomes a file while threads write to it: fwrite") {
  survives("replaced_by_file_fwrite", kGuardsWithHandler);
}
TEST_CASE("an fd that becomes a file while threads write to it: syscall") {
  survives("replaced_by_file_syscall", kGuardsWithHandler);
}
TEST_CASE("an fd that is closed while threads write to it: write") { survives("replaced_by_nothing_write"); }
TEST_CASE("an fd that is closed while threads write to it: writev") { survives("replaced_by_nothing_writev"); }
TEST_CASE("an fd that is closed while threads write to it: dprintf") {
  survives("replaced_by_nothing_dprintf", kGuardsWithHandler);
}
TEST_CASE("an fd that becomes a packet socket while threads write to it: writev") {
  survives("replaced_by_packets_writev");
}
TEST_CASE("an fd that becomes a packet socket while threads write to it: dprintf") {
  survives("replaced_by_packets_dprintf", kGuardsWithHandler);
}

// The call never returns.

TEST_CASE("a write that siglongjmp leaves does not spoil what follows") {
  survives("left_by_siglongjmp_write", kGuardsWithHandler);
}
TEST_CASE("a writev that siglongjmp leaves does not spoil what follows") {
  survives("left_by_siglongjmp_writev", kGuardsWithHandler);
}
TEST_CASE("a sendfile that siglongjmp leaves does not spoil what follows") {
  survives("left_by_siglongjmp_sendfile", kGuardsWithHandler);
}
TEST_CASE("a splice that siglongjmp leaves does not spoil what follows") {
  survives("left_by_siglongjmp_splice", kGuardsWithHandler);
}
TEST_CASE("a handler of SIGPIPE that siglongjmp leaves is called each time") {
  CHECK(has(bare("left_by_own_handler").out, "writev: called 3 times, SIGPIPE not blocked\n"));
  same_as_bare("left_by_own_handler");
}
TEST_CASE("a handler of SIGPIPE that siglongjmp leaves does not spoil what follows") {
  CHECK(bare("left_by_own_handler_then_default").killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler) {
    const auto ending = shimmed("left_by_own_handler_then_default", guard);
    INFO(words(guard) << ending.out);
    CHECK(ending.exited(0));
    CHECK(has(ending.out, "splice: called 3 times, SIGPIPE not blocked\nsyscall: -1 Broken pipe\n"));
  }
}
TEST_CASE("a coroutine inside a write lives, and so does what follows") {
  survives("left_by_coroutine_write", kGuardsWithHandler);
}
TEST_CASE("a coroutine inside a writev lives, and so does what follows") {
  survives("left_by_coroutine_writev", kGuardsWithHandler);
}
TEST_CASE("a coroutine inside a splice lives, and so does what follows") {
  survives("left_by_coroutine_splice", kGuardsWithHandler);
}
TEST_CASE("a coroutine inside a writev that blocks SIGPIPE itself finds it pending") {
  for (const auto& guard : kGuardsWithHandler) {
    INFO(words(guard));
    const auto out = shimmed("left_by_coroutine_that_blocks", guard).out;
    for (const std::string verb : {"write", "send", "sendmsg", "writev", "sendfile", "splice"})
      CHECK(has(out, verb + ": pending 1\n"));
  }
}
TEST_CASE("a vfork child that is killed inside a write does not spoil its parent") {
  survives("left_by_vfork_child_write", kGuardsWithHandler);
}
TEST_CASE("a vfork child that is killed inside a writev does not spoil its parent") {
  survives("left_by_vfork_child_writev", kGuardsWithHandler);
}
TEST_CASE("a cleanup handler of a thread cancelled in a write may write") {
  survives("left_by_cancellation_write", kGuardsWithHandler);
}
TEST_CASE("a cleanup handler of a thread cancelled in a writev may write") {
  survives("left_by_cancellation_writev", kGuardsWithHandler);
}
TEST_CASE("a cleanup handler of a thread cancelled in a splice may write") {
  survives("left_by_cancellation_splice", kGuardsWithHandler);
}
TEST_CASE("an event after a call that siglongjmp left is not laid at that call's door") {
  for (const auto* scene : {"left_by_siglongjmp_write", "left_by_siglongjmp_writev", "left_by_siglongjmp_splice"}) {
    const Directory directory;
    const auto ending = shimmed(scene, {"NOSIGPIPE_LOG=" + directory / "log", "NOSIGPIPE_INTERVAL=0"});
    INFO(scene << ending.out);
    REQUIRE(ending.exited(0));
    const auto lines = parsed(contents(directory / "log"), "averted");
    REQUIRE(!lines.empty());
    CHECK(lines[0].number("fd") >= 20);
    for (const auto& line : lines) CHECK(line["fd"] != "5");
  }
}

// A count that is short.

TEST_CASE("after a short count a signal that somebody sends still kills") {
  for (const std::string call : {"sendfile", "splice", "sendmmsg", "syscall"})
    for (const std::string way : {"kill", "raise", "pthread_kill", "kill_while_blocked"})
      still_dies("short_" + call + "_then_" + way);
}
TEST_CASE("after a short count a dead pipe still kills") {
  for (const std::string call : {"sendfile", "splice", "sendmmsg", "syscall"})
    for (const std::string way : {"pipe", "pipe_while_blocked"}) still_dies("short_" + call + "_then_" + way);
}
TEST_CASE("after a short count with SIGPIPE blocked a kill still kills") {
  for (const std::string call : {"sendfile", "splice", "sendmmsg"}) still_dies("short_" + call + "_blocked_then_kill");
}
TEST_CASE("after a short count with SIGPIPE blocked a dead pipe still kills") {
  for (const std::string call : {"sendfile", "splice", "sendmmsg"}) still_dies("short_" + call + "_blocked_then_pipe");
}
TEST_CASE("a splice by number from a socket into a dead pipe still kills") {
  still_dies("syscall_splice_from_live_socket_to_dead_pipe_still_kills");
  still_dies("syscall_splice_from_dead_socket_to_dead_pipe_still_kills");
}

// The program asks for no signal.

TEST_CASE("a send that asks for no signal has none, and none is pending") { same_as_bare("quiet_sends"); }
TEST_CASE("a write that asks for no signal has none, and none is pending") {
  same_as_bare("quiet_writes");
  same_as_bare("quiet_write_to_pipe");
}
static void tells_nothing(const std::string& scene, const Start& start) {
  for (auto guard : kGuards) {
    const Directory directory;
    guard.push_back("NOSIGPIPE_LOG=" + directory / "log");
    guard.push_back("NOSIGPIPE_INTERVAL=0");
    shimmed(scene, guard, start);
    INFO(scene << " with " << words(guard));
    CHECK(contents(directory / "log").empty());
  }
}
TEST_CASE("a send that asks for no signal is no event") {
  tells_nothing("quiet_sends", {});
  tells_nothing("quiet_sends", ignoring_sigpipe());
}
TEST_CASE("a write that asks for no signal is no event") {
  if (bare("quiet_write_known").out != "known\n") SKIP_TEST("this kernel has no RWF_NOSIGNAL");
  tells_nothing("quiet_writes", {});
}
TEST_CASE("a write that asks for no signal is no event where SIGPIPE is ignored") {
  if (bare("quiet_write_known").out != "known\n") SKIP_TEST("this kernel has no RWF_NOSIGNAL");
  tells_nothing("quiet_writes", ignoring_sigpipe());
}
static void goes_on(const std::string& scene) {
  for (auto guard : kGuards) {
    guard.push_back("NOSIGPIPE_RUNAWAY_AFTER=1");
    INFO(scene << " with " << words(guard));
    CHECK(shimmed(scene, guard).out == "alive\n");
  }
}
TEST_CASE("who asks for no signal by MSG_NOSIGNAL is no runaway") { goes_on("quiet_send_goes_on"); }
TEST_CASE("who asks for no signal by RWF_NOSIGNAL is no runaway") {
  if (bare("quiet_write_known").out != "known\n") SKIP_TEST("this kernel has no RWF_NOSIGNAL");
  goes_on("quiet_write_goes_on");
  goes_on("quiet_syscall_write_goes_on");
}
TEST_CASE("a kill that is pending when a quiet call says EPIPE still kills") {
  still_dies("quiet_send_with_kill_pending");
  still_dies("quiet_write_with_kill_pending");
}

// Rings.

TEST_CASE("a ring's writes to dead sockets live") {
  if (is_refused("ring_to_dead_socket")) SKIP_TEST("io_uring is not permitted here");
  survives("ring_to_dead_socket", kGuardsWithHandler);
  survives("ring_to_live_and_dead_sockets", kGuardsWithHandler);
  survives("ring_to_dead_socket_beside_dead_pipe", kGuardsWithHandler);
  const auto log = shimmed("ring_to_dead_socket", {"NOSIGPIPE_LOG=stderr"}).err;
  INFO(log);
  CHECK(has(log, " call=io_uring_enter count=1 kills=1 module="));  // the fd, and what it was, are not known
}
TEST_CASE("a ring's write to a dead pipe still kills") {
  if (is_refused("ring_to_dead_socket")) SKIP_TEST("io_uring is not permitted here");
  if (is_kernel_before(6, 4)) SKIP_TEST("pipes are written by the kernel's workers, which SIGPIPE does not reach");
  still_dies("ring_to_dead_pipe_still_kills");
  still_dies("ring_to_dead_pipe_by_vector_still_kills");
}
TEST_CASE("a ring's write to a dead pipe by a worker of the kernel's kills nobody") {
  if (is_refused("ring_to_dead_socket")) SKIP_TEST("io_uring is not permitted here");
  if (!is_kernel_before(6, 4)) SKIP_TEST("Linux 6.4 and later write to pipes in the thread that asks for it");
  same_as_bare("ring_to_dead_pipe_still_kills");
  same_as_bare("ring_to_dead_pipe_by_vector_still_kills");
}
TEST_CASE("a ring's writes call the program's own handler") {
  if (is_refused("ring_to_dead_socket")) SKIP_TEST("io_uring is not permitted here");
  CHECK(has(bare("ring_with_own_handler").out, "called 3 times\n"));
  same_as_bare("ring_with_own_handler");
}
TEST_CASE("a program's own handler that is called as a ring waits may die of the signal") {
  if (is_refused("ring_to_dead_socket")) SKIP_TEST("io_uring is not permitted here");
  still_dies("ring_that_waits_and_a_handler_that_dies");
}
TEST_CASE("a write to a dead socket by io_submit lives") {
  if (is_refused("submit_to_dead_socket")) SKIP_TEST("io_setup is not permitted here");
  survives("submit_to_dead_socket", kGuardsWithHandler);
  survives("submit_to_dead_socket_beside_dead_pipe", kGuardsWithHandler);
}
TEST_CASE("a write to a dead pipe by io_submit still kills") {
  if (is_refused("submit_to_dead_socket")) SKIP_TEST("io_setup is not permitted here");
  still_dies("submit_to_dead_pipe_still_kills");
  still_dies("submit_to_dead_pipe_of_high_number_still_kills");
}

// What a signal shows, and which error comes first.

TEST_CASE("sigtimedwait shows a SIGPIPE as the kernel made it") {
  CHECK(has(bare("siginfo_by_sigtimedwait").out, "sigtimedwait after splice: 13, code 0, error 0, the kernel's\n"));
  same_as_bare("siginfo_by_sigtimedwait", kGuardsWithHandler);
  same_as_bare("siginfo_by_sigtimedwait", kWithLog);
}
TEST_CASE("sigwaitinfo shows a SIGPIPE as the kernel made it") {
  CHECK(has(bare("siginfo_by_sigwaitinfo").out, "sigwaitinfo after send: 13, code 0, error 0, the kernel's\n"));
  same_as_bare("siginfo_by_sigwaitinfo", kGuardsWithHandler);
  same_as_bare("siginfo_by_sigwaitinfo", kWithLog);
}
TEST_CASE("a handler of the program is shown a SIGPIPE as the kernel made it") {
  CHECK(has(bare("siginfo_in_handler").out, "handler after send: 2, code 0, error 0, the kernel's\n"));
  same_as_bare("siginfo_in_handler");
  same_as_bare("siginfo_in_handler", kWithLog);
}
TEST_CASE("a handler of the program is shown a SIGPIPE that was left pending as the kernel made it") {
  CHECK(has(bare("siginfo_in_handler_when_unblocked").out, "handler after send: 2, code 0, error 0, the kernel's\n"));
  same_as_bare("siginfo_in_handler_when_unblocked");
  same_as_bare("siginfo_in_handler_when_unblocked", kWithLog);
}
TEST_CASE("a handler that comes after a SIGPIPE was left pending is shown it as the kernel made it") {
  CHECK(has(bare("siginfo_in_later_handler").out, "handler after send: 2, code 0, error 0, the kernel's\n"));
  same_as_bare("siginfo_in_later_handler", kGuardsWithHandler);
}
TEST_CASE("behind a child of vfork that died of SIGPIPE its parent's thread leaves a pipe's without a mark") {
  const auto expected = bare("siginfo_of_pipe_behind_child_of_vfork").out;
  CHECK(expected == "rt_sigtimedwait after writev: 13, code 0, error 0, the kernel's\nthe child: 13\n");
  same_as_bare("siginfo_of_pipe_behind_child_of_vfork", kGuardsWithHandler);
  same_as_bare("siginfo_of_pipe_behind_child_of_vfork", kWithLog);
}
TEST_CASE("with guard hooks no signal is queued that would kill when it is unblocked") {
  if (is_in_seccomp()) SKIP_TEST("in a seccomp filter a write stays a write");
  survives("sends_while_blocked");
}
TEST_CASE("write on a closed fd from a bad pointer says what it says bare") {
  CHECK(has(bare("closed_fd_and_bad_pointer").out, "closed: -1 Bad file descriptor\n"));
  survives("closed_fd_and_bad_pointer");
}
TEST_CASE("a corked send in segments that the kernel refuses is refused once, and nothing arrives") {
  const auto control = bare("refused_segments");
  if (!control.exited(0)) SKIP_TEST("this kernel has no UDP_SEGMENT");
  CHECK(control.out == "send: -1 Invalid argument\nrecv: -1 Resource temporarily unavailable\n");
  same_as_bare("refused_segments");
}

// The program's own handlers.

TEST_CASE("a handler of the program is called for each SIGPIPE") {
  CHECK(has(bare("own_handler_is_called").out, "splice: -1, called 8 times\n"));
  same_as_bare("own_handler_is_called");
  same_as_bare("own_handler_is_called", kWithLog);
}
TEST_CASE("a handler of the program that ends it ends it") {
  CHECK(bare("own_handler_ends_it").exited(9));
  same_as_bare("own_handler_ends_it");
}
TEST_CASE("the last of twenty handlers is called for each SIGPIPE") {
  CHECK(has(bare("twenty_handlers_are_called").out, "splice: -1, sum 152\n"));
  same_as_bare("twenty_handlers_are_called");
  same_as_bare("twenty_handlers_are_called", kWithLog);
}
// It sets the default that would kill.
static void lives_without_handler(const std::string& scene, const std::vector<Strings>& guards) {
  CHECK(bare(scene).killed_by(SIGPIPE));
  for (const auto& guard : guards) {
    INFO(scene << " with " << words(guard));
    CHECK(shimmed(scene, guard).out == "alive\n");
  }
}
TEST_CASE("calls that carry a flag live where libc's own signal has taken the handler away") {
  if (is_in_seccomp()) SKIP_TEST("in a seccomp filter a write stays a write");
  lives_without_handler("default_by_libc_itself", kGuards);
}
TEST_CASE("with guard mask a writev lives where libc's own signal has taken the handler away") {
  lives_without_handler("default_by_libc_itself_writev", {{"NOSIGPIPE_GUARD=mask"}, {"NOSIGPIPE_GUARD=hooks"}});
}

TEST_CASE("a hooked call lives where the default was set by the number of rt_sigaction") {
  lives_without_handler("default_by_number", kGuards);
}
TEST_CASE("a handler that was set by the number of rt_sigaction is called") { same_as_bare("handler_by_number"); }

TEST_CASE("of two threads whose handler resets itself none dies") {
  CHECK(bare("reset_by_two_threads").killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler) {
    INFO(words(guard));
    CHECK(shimmed("reset_by_two_threads", guard).out == "alive\n");
  }
}
TEST_CASE("a thread lives while another goes from a handler to the default") {
  CHECK(bare("default_set_meanwhile").killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler) {
    INFO(words(guard));
    CHECK(shimmed("default_set_meanwhile", guard).out == "alive\n");
  }
}
TEST_CASE("a handler that resets itself is followed by a default that averts, however many came before") {
  CHECK(bare("handler_with_others_before").killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler)
    CHECK(shimmed("handler_with_others_before", guard).out == "called\nalive\n");
}
TEST_CASE("a raw splice without an offset lives while fd 0 is a dead pipe") {
  survives("inline_splice_without_offset_while_0_is_a_dead_pipe", kGuardsWithHandler);
}
TEST_CASE("a raw call lives where the function before it loads another number") {
  if (!std::filesystem::exists("tests/victims")) SKIP_TEST("the sources are not here");
  const Directory directory;
  const auto program = directory / "raw";
  output_of({"gcc", "-Os", "-o", program, source("tests/victims/small_raw_call.c")});
  CHECK(run({program}).killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler) CHECK(run({program}, with_shim(guard)).exited(0));
}

// Locks that the program has on a file.

TEST_CASE("a log on standard error leaves the program's lock on that file") {
  const Directory directory;
  const int file = open((directory / "file").c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  Start start;
  start.err = file;
  CHECK(bare("locks_standard_error", start).killed_by(SIGPIPE));
  const auto oracle = bare("locks_standard_error", ignoring_sigpipe(start));
  CHECK(has(oracle.out, "dprintf: locked\n"));
  for (auto guard : kGuardsWithHandler) {
    guard.insert(guard.end(), {"NOSIGPIPE_LOG=stderr", "NOSIGPIPE_INTERVAL=0"});
    INFO(words(guard));
    CHECK(shimmed("locks_standard_error", guard, start).out == oracle.out);
  }
  CHECK(has(contents(directory / "file"), "event=averted"));
  close(file);
}
TEST_CASE("a log to a file that the program has locked leaves the lock") {
  const Directory directory;
  Start start;
  start.env = {"LOCKED=" + directory / "file"};
  CHECK(bare("locks_its_log", start).killed_by(SIGPIPE));
  const auto oracle = bare("locks_its_log", ignoring_sigpipe(start));
  CHECK(has(oracle.out, "dprintf: locked\n"));
  for (const auto& guard : kGuardsWithHandler) {
    INFO(words(guard));
    const Strings log{"NOSIGPIPE_LOG=" + directory / "file", "NOSIGPIPE_INTERVAL=0"};
    CHECK(shimmed("locks_its_log", joined(guard, log), start).out == oracle.out);
  }
  CHECK(has(contents(directory / "file"), "event=averted"));
}

// Functions that the program exports itself.

TEST_CASE("a program's own function of libc's name may go on to libc's other name for it") {
  for (const auto* word : {"sigaction", "signal_bsd", "signal_s", "sysv_signal", "exit"})
    for (const auto* mode : {"NOSIGPIPE_MODE=protect", "NOSIGPIPE_MODE=observe", "NOSIGPIPE_MODE=off"}) {
      INFO(word << " " << mode);
      CHECK(run(victim("own_names", {word})).text() == "exit status 0");
      CHECK(run(victim("own_names", {word}), with_shim({mode})).text() == "exit status 0");
    }
}

// Filters.

namespace {

void denied_by(const std::string& way) {
  for (const std::string error : {"eperm", "eacces", "enosys"}) survives(error + "_" + way, kGuardsWithHandler);
}

}  // namespace

TEST_CASE("a filter that answers sends with an error does so to no write: set by prctl") { denied_by("prctl"); }
TEST_CASE("a filter that answers sends with an error does so to no write: set by prctl's number") {
  denied_by("syscall_prctl");
}
TEST_CASE("a filter that answers sends with an error does so to no write: set by seccomp's number") {
  denied_by("syscall_seccomp");
}
TEST_CASE("a filter that answers sends with an error does so to no write: set by an instruction") {
#ifdef __x86_64__
  denied_by("instruction");
#else
  SKIP_TEST("written for x86-64");
#endif
}
TEST_CASE("a filter that answers sends with an error does so to no write: there from the start") {
  survives("eperm_from_the_start", kGuardsWithHandler);
}
TEST_CASE("a filter that answers sends with an error does so to no write: there behind thousands of groups") {
  if (is_refused("eperm_and_thousands_of_groups")) SKIP_TEST("setgroups is not permitted here");
  survives("eperm_and_thousands_of_groups", kGuardsWithHandler);
}

TEST_CASE("once the program has set a filter no system call is made that is not its own") {
  for (const std::string way : {"prctl", "syscall_prctl", "syscall_seccomp"})
    survives("confined_by_" + way, kGuardsWithHandler);
}
TEST_CASE("once the program has set a filter of its own under another no system call is made that is not its own") {
  survives("confined_in_a_filter", kGuardsWithHandler);
}
TEST_CASE("once the program has set a filter there is no log and no runaway either") {
  const Directory directory;
  survives("confined_by_prctl", {{"NOSIGPIPE_LOG=" + directory / "log", "NOSIGPIPE_RUNAWAY_AFTER=1"},
                                 {"NOSIGPIPE_GUARD=mask", "NOSIGPIPE_LOG=" + directory / "log"}});
}

// As in every container.
TEST_CASE("in a filter that came with the process every verb lives and is logged") {
  Start start;
  start.env = {"SCENE=alive"};
  CHECK(bare("in_a_filter", start).killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler) {
    INFO(words(guard));
    const Directory directory;
    const auto ending =
        shimmed("in_a_filter", joined(guard, {"NOSIGPIPE_LOG=" + directory / "log", "NOSIGPIPE_INTERVAL=0"}), start);
    CHECK(ending.out == "here: every verb said EPIPE\n");
    CHECK(count_of(parsed(contents(directory / "log"), "averted")) == 8);
  }
}
TEST_CASE("in a filter that came with the process a runaway is one") {
  for (const auto* scene : {"SCENE=ticker", "SCENE=ticker_with_stdio_to_a_file"}) {
    Start start;
    start.env = {scene};
    INFO(scene);
    const bool is_one = std::string(scene) == "SCENE=ticker";
    CHECK(shimmed("in_a_filter", {"NOSIGPIPE_RUNAWAY_AFTER=1"}, start).killed_by(SIGPIPE) == is_one);
  }
}
TEST_CASE("in a filter that came with the process a pipe without reader still kills") {
  for (const auto* scene : {"SCENE=pipe_still_kills", "SCENE=pipe_stdio_still_kills", "SCENE=pipe_splice_still_kills"})
    for (const auto& guard : kGuards) {
      INFO(scene << " with " << words(guard));
      Start start;
      start.env = {scene};
      CHECK(bare("in_a_filter", start).killed_by(SIGPIPE));
      CHECK(shimmed("in_a_filter", guard, start).killed_by(SIGPIPE));
    }
}

// Without /proc, as in many a chroot.

namespace {

const Strings kWithoutProc{"unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc && exec \"$0\" \"$@\""};

bool proc_can_be_hidden() { return run(joined(kWithoutProc, {"test", "!", "-e", "/proc/self"})).exited(0); }

}  // namespace

TEST_CASE("without /proc every verb lives on a dead socket") {
  if (!proc_can_be_hidden()) SKIP_TEST("no mount namespace is permitted here");
  survives_as(kWithoutProc, "alive", kGuards);
  survives_as(kWithoutProc, "stdio_on_socket", kGuardsWithHandler);
}
TEST_CASE("without /proc a filter that answers sends with an error does so to no write") {
  if (!proc_can_be_hidden()) SKIP_TEST("no mount namespace is permitted here");
#ifdef __x86_64__
  survives_as(kWithoutProc, "eperm_instruction", kGuardsWithHandler);
#endif
  survives_as(kWithoutProc, "eperm_syscall_prctl", kGuardsWithHandler);
}
TEST_CASE("without /proc a pipe without reader still kills") {
  if (!proc_can_be_hidden()) SKIP_TEST("no mount namespace is permitted here");
  for (const std::string scene : {"pipe_still_kills", "pipe_stdio_still_kills", "pipe_splice_still_kills"})
    for (const auto& guard : kGuards) {
      const auto argv = joined(kWithoutProc, {built("tests/victims/scenes/scenes"), scene});
      INFO(scene << " with " << words(guard));
      CHECK(run(argv).killed_by(SIGPIPE));
      CHECK(run(argv, with_shim(guard)).killed_by(SIGPIPE));
    }
}

// A tracer that comes later.

namespace {

// Traces a process from here. Every stop but of SIGPIPE goes on at once.
class Attached {
 public:
  explicit Attached(pid_t pid) : pid_(pid) { is_attached_ = ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0; }
  bool is_attached() const { return is_attached_; }

  // How often SIGPIPE has stopped it, until the condition holds.
  template <class Condition>
  int stops_until(Condition condition) {
    int stops = 0;
    CHECK(eventually([&] {
      for (int status; waitpid(pid_, &status, WNOHANG | __WALL) == pid_ && WIFSTOPPED(status);) {
        const int signal = WSTOPSIG(status);
        stops += signal == SIGPIPE ? 1 : 0;
        ptrace(PTRACE_CONT, pid_, nullptr, static_cast<long>(status >> 16 != 0 ? 0 : signal));
      }
      return condition();
    }));
    return stops;
  }

  // It has to be stopped for that.
  void leave() {
    ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr);
    int status;
    waitpid(pid_, &status, __WALL);
    CHECK(ptrace(PTRACE_DETACH, pid_, nullptr, nullptr) == 0);
  }

 private:
  pid_t pid_;
  bool is_attached_;
};

// A scene that writes as often as it is given a byte, and tells each in its log.
class Asked {
 public:
  explicit Asked(const Start& how) {
    REQUIRE(pipe2(input_, O_CLOEXEC) == 0);
    Start start = how;
    start.in = input_[0];
    start.env.insert(start.env.end(), {"NOSIGPIPE_LOG=" + directory_ / "log", "NOSIGPIPE_INTERVAL=0"});
    process_ = std::make_unique<Process>(Strings{built("tests/victims/scenes/scenes"), "until_input_ends"}, start);
  }
  ~Asked() {
    close(input_[0]);
    if (input_[1] >= 0) close(input_[1]);
  }
  Asked(const Asked&) = delete;
  Asked& operator=(const Asked&) = delete;

  pid_t pid() const { return process_->pid(); }
  void ask(size_t times) const {
    REQUIRE(write(input_[1], std::string(times, 'x').data(), times) == static_cast<ssize_t>(times));
  }
  // It has made all the writes that it was asked for, and waits for more.
  bool is_idle() const {
    int unread = 0;
    ioctl(input_[0], FIONREAD, &unread);
    return unread == 0 && contents("/proc/" + std::to_string(pid()) + "/syscall").starts_with("0 0x0 ");
  }
  std::string last_technique() const {
    const auto lines = parsed(lines_so_far(directory_ / "log"), "averted");
    return lines.empty() ? "" : lines.back()["technique"];
  }
  Ending end() {
    close(input_[1]);
    input_[1] = -1;
    return process_->wait();
  }

 private:
  const Directory directory_;
  int input_[2] = {-1, -1};
  std::unique_ptr<Process> process_;
};

}  // namespace

TEST_CASE("the control: a tracer that comes later is stopped at each SIGPIPE, an ignored one, too") {
  const Asked program(ignoring_sigpipe());
  REQUIRE(eventually([&] { return program.is_idle(); }));
  Attached tracer(program.pid());
  if (!tracer.is_attached()) SKIP_TEST("nothing can be traced here");
  program.ask(20);
  CHECK(tracer.stops_until([&] { return program.is_idle(); }) == 20);
}
TEST_CASE("a tracer that comes later is stopped by one SIGPIPE at most") {
  const Asked program(with_shim());
  REQUIRE(eventually([&] { return program.is_idle(); }));
  Attached tracer(program.pid());
  if (!tracer.is_attached()) SKIP_TEST("nothing can be traced here");
  program.ask(20);
  CHECK(tracer.stops_until([&] { return program.is_idle(); }) <= 1);
  CHECK(program.last_technique() == "mask");
}
TEST_CASE("when a tracer that came later has left the handler is used again") {
  Asked program(with_shim());
  REQUIRE(eventually([&] { return program.is_idle(); }));
  Attached tracer(program.pid());
  if (!tracer.is_attached()) SKIP_TEST("nothing can be traced here");
  program.ask(2);
  tracer.stops_until([&] { return program.is_idle(); });
  REQUIRE(program.last_technique() == "mask");
  tracer.leave();
  CHECK(eventually([&] {
    if (program.is_idle()) program.ask(1);
    return program.last_technique() == "catch";
  }));
  CHECK(program.end().out == "alive\n");
}
