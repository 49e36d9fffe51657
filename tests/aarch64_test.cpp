// The shim built for aarch64, on programs that QEMU runs: other registers, another signal frame, and what a write to a
// dead socket is known by. Left out is what QEMU itself cannot do: it forgets what a signal carries besides its sender,
// has no seccomp, and a vfork is a fork.

#include "support/scene.h"

namespace {
const bool is_aarch64 = [] {
  flavour = "aarch64/";
  emulator = {"qemu-aarch64-static"};
  emulator_env = {"QEMU_LD_PREFIX=/usr/aarch64-linux-gnu"};
  return true;
}();
}  // namespace

TEST_CASE("aarch64: every verb on a dead socket says EPIPE and the program lives") { survives("alive"); }
TEST_CASE("aarch64: threads on dead sockets live") { survives("threads"); }
TEST_CASE("aarch64: a forked child lives and so does its parent") { survives("fork_child"); }
TEST_CASE("aarch64: a handler that interrupts a sleeping call may write to a dead socket") {
  survives("handler_inside_sleeping_call");
}
TEST_CASE("aarch64: what a fd was before does not matter") { survives("stale_hints"); }
TEST_CASE("aarch64: clients that leave one after the other are no runaway") { survives("many_clients"); }
TEST_CASE("aarch64: setting SIGPIPE back to its default changes nothing") {
  CHECK(bare("default_again").killed_by(SIGPIPE));
  for (const auto& guard : kGuards) CHECK(shimmed("default_again", guard).exited(0));
}
TEST_CASE("aarch64: a thread that blocks SIGPIPE finds it pending") {
  same_as_bare("sigwait_drains", kGuardsWithHandler);
  survives("blocked_by_every_function", kGuardsWithHandler);
}
TEST_CASE("aarch64: a program that asks for its disposition is told what it has set") { same_as_bare("view"); }
TEST_CASE("aarch64: pipes and real signals still kill") {
  for (const auto* scene : {"pipe_still_kills", "pipe_stdio_still_kills", "pipe_splice_still_kills",
                            "splice_from_dead_socket_to_dead_pipe_still_kills", "raise_still_kills", "kill_still_kills",
                            "pthread_kill_still_kills", "kill_meanwhile_default", "kill_meanwhile_default_splice"})
    still_dies(scene);
}
TEST_CASE("aarch64: what no hook sees lives, though the kernel overwrites the register that held the fd") {
  survives("stdio_on_socket", kGuardsWithHandler);
}
TEST_CASE("aarch64: an fd that becomes a file while threads write to it") {
  survives("replaced_by_file_writev");
  survives("replaced_by_file_dprintf", kGuardsWithHandler);
}
TEST_CASE("aarch64: after a short count what kills still kills") {
  for (const auto* scene : {"short_sendfile_then_pipe", "short_splice_then_kill",
                            "syscall_splice_from_dead_socket_to_dead_pipe_still_kills"})
    still_dies(scene);
}
TEST_CASE("aarch64: a handler of the program is called for each SIGPIPE") { same_as_bare("own_handler_is_called"); }
TEST_CASE("aarch64: a log says what it says elsewhere") {
  const auto ending = shimmed("writes_only", {"NOSIGPIPE_LOG=stderr"});
  CHECK(ending.out == "alive\n");
  for (const auto* field : {"technique=flag call=write fd=3 bytes=1", "technique=mask call=writev fd=3 bytes=1",
                            "socket=unix", "cause=peer_gone", "module=", "build_id="}) {
    INFO(ending.err);
    CHECK(ending.err.find(field) != std::string::npos);
  }
}
