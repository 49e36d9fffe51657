// Signals around a write: what is pending, what is masked, what others send, and cancellation.

#include "support/kernel.h"
#include "support/scene.h"
#include "support/tracer.h"

// Before Linux 6.5 a splice adds its page to what a full AF_UNIX socket has queued (unix_stream_sendpage).
static bool splice_waits() { return !is_kernel_before(6, 5); }

TEST_CASE("every verb on a dead socket says EPIPE and the program lives") { survives("alive"); }
TEST_CASE("eight threads on dead sockets live") { survives("threads"); }
TEST_CASE("writes from a signal handler that interrupts writes live, and the mask is as before") {
  survives("from_handler");
}

TEST_CASE("a handler that interrupts a sleeping call may write to a dead socket") {
  survives("handler_inside_sleeping_call");
}

// The scene, with a signal that comes as this system call returns.
static Ending interrupted_after(const std::string& call, const Strings& preload, const Start& start = {}) {
  return run(joined(joined({"strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                            "inject=" + call + ":signal=WINCH"},
                           preload),
                    {built("tests/victims/scenes/scenes"), "handler_inside_writev"}),
             start);
}
TEST_CASE("a handler that comes as soon as SIGPIPE is blocked for a call may write to a dead socket") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  CHECK(interrupted_after("writev", {}).killed_by(SIGPIPE));
  const auto oracle = interrupted_after("writev", {}, ignoring_sigpipe());
  REQUIRE(oracle.out == "written 1, EPIPE in it 1\n");
  for (const std::string guard : {"mask", "hooks"}) {
    Start start;
    start.env = {"NOSIGPIPE_GUARD=" + guard};
    const auto ending = interrupted_after("rt_sigprocmask", {"-E", "LD_PRELOAD=" + built("libnosigpipe.so")}, start);
    INFO(guard << ending.err);
    CHECK(ending.text() == oracle.text());
    CHECK(ending.out == oracle.out);
  }
}

TEST_CASE("raise still kills") { still_dies("raise_still_kills"); }
TEST_CASE("kill of the own pid still kills") { still_dies("kill_still_kills"); }
TEST_CASE("pthread_kill still kills") { still_dies("pthread_kill_still_kills"); }
TEST_CASE("a pipe without reader still kills") { still_dies("pipe_still_kills"); }
TEST_CASE("a pipe without reader still kills through stdio") { still_dies("pipe_stdio_still_kills"); }
TEST_CASE("a pipe without reader still kills through splice") { still_dies("pipe_splice_still_kills"); }
TEST_CASE("splice from a dead socket into a pipe without reader still kills") {
  still_dies("splice_from_dead_socket_to_dead_pipe_still_kills");
}

TEST_CASE("a SIGPIPE that another process sends during a writev kills") { still_dies("kill_meanwhile_default"); }
TEST_CASE("a SIGPIPE that another process sends during a splice kills") { still_dies("kill_meanwhile_default_splice"); }
TEST_CASE("a SIGPIPE that another process sends during a write reaches the handler with its sender") {
  const auto control = bare("kill_meanwhile_handled");
  CHECK(control.out.starts_with("writev: peer gone, handled yes, by the sender yes\nsplice: "));
  if (splice_waits()) CHECK(control.out.ends_with("splice: peer gone, handled yes, by the sender yes\n"));
  same_as_bare("kill_meanwhile_handled");
}

TEST_CASE("a thread that blocks SIGPIPE finds it pending after EPIPE and sigwait gets it") {
  CHECK(bare("sigwait_drains").out.find("write: pending 1, by code 0, own pid 1, then pending 0\n") == 0);
  same_as_bare("sigwait_drains", kGuardsWithHandler);
}
TEST_CASE("a thread that begins to block SIGPIPE, in whatever way, finds it pending from then on") {
  CHECK(bare("blocked_by_every_function").killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler) {
    INFO(words(guard));
    const auto out = shimmed("blocked_by_every_function", guard).out;
    for (const std::string way :
         {"sigprocmask", "pthread_sigmask", "sigblock", "sigsetmask", "sighold", "sigset", "syscall"})
      CHECK(out.find(way + ": pending 1\n") != std::string::npos);
  }
}
TEST_CASE("an EPIPE in a handler, at whatever moment, does not change what later ones leave pending") {
  CHECK(bare("epipes_between_calls").out == "pending: 1000 of 1000\n");
  same_as_bare("epipes_between_calls", kGuardsWithHandler);
}

TEST_CASE("SIGPIPE of a socket left pending does not kill when it is unblocked") {
  survives("unblocked_undrained", kGuardsWithHandler);
}
static void lives_with_a_default_set_later(const std::string& scene) {
  CHECK(bare(scene).killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler) {
    INFO(words(guard));
    CHECK(shimmed(scene, guard).out == "alive\n");
  }
}
TEST_CASE(
    "SIGPIPE of a socket left pending to a handler does not kill where the default is set before it is unblocked") {
  lives_with_a_default_set_later("handled_and_default_before_unblocked");
}
TEST_CASE(
    "SIGPIPE of a socket left pending while ignored does not kill where the default is set before it is unblocked") {
  lives_with_a_default_set_later("ignored_and_default_before_unblocked");
}
TEST_CASE("a raise while SIGPIPE is blocked still kills when it is unblocked") { still_dies("raised_while_blocked"); }
TEST_CASE("a kill while SIGPIPE is blocked still kills when it is unblocked") { still_dies("killed_while_blocked"); }

TEST_CASE("a kill that is pending when a write says EPIPE without a signal stays the kill") {
  CHECK(bare("kill_pending_at_silent_epipe").out == "taken 13, from the child 1, error 0\n");
  same_as_bare("kill_pending_at_silent_epipe");
}
TEST_CASE("among signals with lower numbers the handler knows its own") {
  survives("among_other_signals", kGuardsWithHandler);
}
TEST_CASE("a kill that reaches a thread in a send that raises nothing is the kill") {
  CHECK(bare("kill_beside_quiet_sends").out == "handled: 300\n");
  same_as_bare("kill_beside_quiet_sends");
}
TEST_CASE("a write of length minus one sends nothing") {
  CHECK(bare("length_of_minus_one").out.find("arrived: -1\n") != std::string::npos);
  same_as_bare("length_of_minus_one");
}

TEST_CASE("a thread cancelled as its call meets EPIPE runs its cleanup handlers with SIGPIPE as it was") {
  survives("cancelled_at_epipe_often");
}
TEST_CASE("a thread cancelled in a call runs its cleanup handlers with SIGPIPE as it was") {
  const auto control = bare("cancellation");
  CHECK(has(control.out, "writev: cleanup, SIGPIPE not blocked\nwritev: cancelled\n"));
  if (splice_waits()) CHECK(has(control.out, "splice: cleanup, SIGPIPE not blocked\nsplice: cancelled\n"));
  same_as_bare("cancellation");
}
