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
TEST_CASE("i386: a send by socketcall lives and its line has the fd of the socket") {
  survives("sends_by_socketcall", kGuardsWithHandler);
  const auto log = shimmed("sends_by_socketcall", {"NOSIGPIPE_LOG=stderr"}).err;
  INFO(log);
  for (const auto* call : {" call=sendto fd=300 bytes=1 ", " call=sendmsg fd=300 bytes=1 "})
    CHECK(log.find(call) != std::string::npos);
}
TEST_CASE("i386: with the smallest stacks the handler holds") {
  survives("small_stack", kGuardsWithHandler);
  survives("small_alternate_stack", kGuardsWithHandler);
}
TEST_CASE("i386: among signals with lower numbers the handler knows its own") {
  survives("among_other_signals", kGuardsWithHandler);
}
TEST_CASE("i386: what was left pending is told apart from a kill") {
  same_as_bare("sigwait_drains", kGuardsWithHandler);
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
  for (const auto* scene : {"exec_default", "exec_ignored", "exec_handler", "exec_blocked"}) same_as_bare(scene);
  same_as_bare("exec_after_epipe_blocked", kGuardsWithHandler);
}
TEST_CASE("i386: an fd that is replaced while threads write to it") {
  survives("replaced_by_file_writev");
  survives("replaced_by_file_dprintf", kGuardsWithHandler);
  survives("replaced_by_file_syscall", kGuardsWithHandler);
}
TEST_CASE("i386: a call that never returns does not spoil what follows") {
  for (const auto* scene : {"left_by_siglongjmp_writev", "left_by_siglongjmp_splice", "left_by_coroutine_writev",
                            "left_by_vfork_child_write", "left_by_cancellation_splice"})
    survives(scene, kGuardsWithHandler);
}
TEST_CASE("i386: after a short count what kills still kills") {
  for (const auto* scene :
       {"short_sendfile_then_kill", "short_splice_then_pipe", "short_sendmmsg_then_raise",
        "short_syscall_then_pipe_while_blocked", "syscall_splice_from_dead_socket_to_dead_pipe_still_kills"})
    still_dies(scene);
}
TEST_CASE("i386: who asks for no signal has none") {
  same_as_bare("quiet_sends");
  same_as_bare("quiet_writes");
}
TEST_CASE("i386: a handler of the program is called for each SIGPIPE") {
  same_as_bare("own_handler_is_called");
  same_as_bare("twenty_handlers_are_called");
}
TEST_CASE("i386: what a handler that is called for a dead socket leaves pending has its effect") {
  for (const auto* scene : {"handler_writes_to_dead_pipe", "handler_writes_to_dead_socket_and_dies_of_the_signal"})
    still_dies(scene);
  CHECK(has(bare("handlers_die_of_the_signal").out, "writev: signal 13\n"));
  CHECK(bare("what_a_handler_sends_is_taken_by_another").out == "alive: -1, taken 1\n");
  CHECK(bare("handler_leaves_one_that_stays_pending").out == "1 13 code 0 error 0\n");
  for (const auto* scene : {"handlers_die_of_the_signal", "what_a_handler_sends_is_taken_by_another",
                            "handler_leaves_one_that_stays_pending"})
    same_as_bare(scene);
}
TEST_CASE("i386: a handler that is started by its registers is, and may unmap what the call was given") {
  CHECK(bare("handler_has_its_arguments_in_registers").out == "13\n13 siginfo context\n");
  CHECK(bare("handler_takes_an_alternate_stack").out == "second\nsecond\n");
  for (const auto* scene : {"handler_has_its_arguments_in_registers", "handler_takes_an_alternate_stack",
                            "handler_unmaps_what_the_call_was_given"})
    same_as_bare(scene, kGuardsWithHandler);
  for (const auto* scene :
       {"handler_unmaps_a_vector_and_dies", "handler_unmaps_a_message_and_dies", "handler_unmaps_arguments_and_dies",
        "pipe_on_a_higher_stack_in_a_handler", "pipe_on_a_stack_that_disarms_itself_in_a_handler",
        "sent_at_the_first_instruction_of_a_handler"})
    still_dies(scene);
}
TEST_CASE("i386: a default that was read back and set again lets a handler of ours return") {
  CHECK(bare("default_that_was_read_back").killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler) CHECK(shimmed("default_that_was_read_back", guard).out == "alive\n");
}
TEST_CASE("i386: a filter that answers sends with an error does so to no write") {
  survives("eperm_syscall_prctl", kGuardsWithHandler);
}
TEST_CASE("i386: a ring's writes to dead sockets live and to a dead pipe kill") {
  if (bare("ring_to_dead_socket", ignoring_sigpipe()).out.starts_with("refused"))
    SKIP_TEST("io_uring is not permitted here");
  survives("ring_to_dead_socket", kGuardsWithHandler);
  survives("ring_to_dead_socket_beside_dead_pipe", kGuardsWithHandler);
  still_dies("ring_to_dead_pipe_still_kills");
}
// Not in strict mode: there i386 may return from no handler that is given a siginfo, as ours is.
TEST_CASE("i386: a program whose seccomp filter kills lives") { survives("filter_by_prctl", kGuardsWithHandler); }
