// The shim built for i386, on a 32-bit program: other registers, another way into the kernel, another signal frame.

#include "support/scene.h"

namespace {
const bool is_i386 = [] {
  flavour = "i386/";
  return true;
}();
}  // namespace

TEST_CASE("i386: every verb on a dead socket says EPIPE and the program lives") { survives("alive"); }
TEST_CASE("i386: threads on dead sockets live") { survives("threads"); }
TEST_CASE("i386: writes from a signal handler live") { survives("from_handler"); }
TEST_CASE("i386: stdio lives") { survives("stdio_on_socket", kGuardsWithHandler); }
TEST_CASE("i386: with the smallest stacks the handler holds") {
  survives("small_stack", kGuardsWithHandler);
  survives("small_alternate_stack", kGuardsWithHandler);
}
TEST_CASE("i386: among signals with lower numbers the handler knows its own") {
  survives("among_other_signals", kGuardsWithHandler);
}
TEST_CASE("i386: what was left pending is told apart from a kill") {
  same_as_bare("sigwait_drains");
  survives("unblocked_undrained", kGuardsWithHandler);
  still_dies("raised_while_blocked");
  still_dies("killed_while_blocked");
}
TEST_CASE("i386: pipes and real signals still kill") {
  for (const auto* scene : {"pipe_still_kills", "pipe_stdio_still_kills", "pipe_splice_still_kills",
                            "splice_from_dead_socket_to_dead_pipe_still_kills", "raise_still_kills", "kill_still_kills",
                            "pthread_kill_still_kills", "kill_meanwhile_default", "kill_meanwhile_default_splice"})
    still_dies(scene);
}
TEST_CASE("i386: a cancelled thread finds SIGPIPE as it was") { same_as_bare("cancellation"); }
TEST_CASE("i386: children find SIGPIPE as it would have been") {
  for (const auto* scene : {"exec_default", "exec_ignored", "exec_handler", "exec_blocked", "exec_after_epipe_blocked"})
    same_as_bare(scene);
}
// Not in strict mode: there i386 may return from no handler that is given a siginfo, as ours is.
TEST_CASE("i386: a program whose seccomp filter kills lives") { survives("filter_by_prctl", kGuardsWithHandler); }
