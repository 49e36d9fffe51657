// The shim's handler: writes that no hook sees, dispositions set at any time, little stack, seccomp, and pipes in
// disguise.

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/scene.h"

TEST_CASE("stdio on a dead socket says EPIPE and the program lives") {
  survives("stdio_on_socket", kGuardsWithHandler);
}
TEST_CASE("the control: without the handler stdio on a dead socket kills") {
  CHECK(shimmed("stdio_on_socket", {"NOSIGPIPE_GUARD=hooks"}).killed_by(SIGPIPE));
}

TEST_CASE("a log that nobody reads ends the logging, not the program") {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  close(ends[0]);
  Start start;
  start.err = ends[1];
  CHECK(bare("stdio_on_socket", start).killed_by(SIGPIPE));
  for (auto guard : kGuardsWithHandler) {
    guard.push_back("NOSIGPIPE_LOG=stderr");
    INFO(words(guard));
    CHECK(shimmed("stdio_on_socket", guard, start).exited(0));
    CHECK(shimmed("sigwait_drains", guard, start).out == bare("sigwait_drains").out);
  }
  close(ends[1]);
}

TEST_CASE("setting SIGPIPE back to its default changes nothing") {
  CHECK(bare("default_again").killed_by(SIGPIPE));
  CHECK(bare("default_again", ignoring_sigpipe()).killed_by(SIGPIPE));
  for (const auto& guard : kGuards) CHECK(shimmed("default_again", guard).exited(0));
}

TEST_CASE("a million changes of the disposition while others write to dead sockets") {
  CHECK(bare("reset_a_million_times").killed_by(SIGPIPE));
  for (const auto* handlers : {"NOSIGPIPE_HANDLERS=bypass", "NOSIGPIPE_HANDLERS=deliver"})
    CHECK(shimmed("reset_a_million_times", {handlers}).out == "alive\n");
}

TEST_CASE("a program that asks for its disposition is told what it has set, and its handlers are called so") {
  const auto control = bare("view");
  REQUIRE(control.exited(0));
  for (const auto* handler : {"one called", "other called", "alternate stack 1", "blocked PIPE 0", "view other"})
    CHECK(control.out.find(handler) != std::string::npos);
  same_as_bare("view");
}

TEST_CASE("a disposition set by two threads is never half of each") {
  CHECK(bare("set_by_two_threads").out == "torn: 0\n");
  CHECK(shimmed("set_by_two_threads").out == "torn: 0\n");
}

TEST_CASE("a handler that is called for a dead socket and dies of the signal does so") {
  for (const auto* scene : {"handler_that_dies_of_the_signal", "handler_called_once_dies_of_the_signal",
                            "handler_writes_to_dead_socket_and_dies_of_the_signal"})
    still_dies(scene);
  CHECK(has(bare("handlers_die_of_the_signal").out, "writev: signal 13\n"));
  same_as_bare("handlers_die_of_the_signal");
}
TEST_CASE("what a handler that is called for a dead socket sends is found once by who takes it") {
  CHECK(bare("what_a_handler_sends_is_taken_by_another").out == "alive: -1, taken 1\n");
  same_as_bare("what_a_handler_sends_is_taken_by_another");
}
TEST_CASE("a handler that is called once is, and a socket kills nobody then, however many were set before") {
  CHECK(bare("handler_called_once_with_others_before").killed_by(SIGPIPE));
  for (const auto& guard : {Strings{}, Strings{"NOSIGPIPE_GUARD=catch"}})
    CHECK(shimmed("handler_called_once_with_others_before", guard).out == "called\nalive\n");
}
TEST_CASE("a handler that is called for a dead socket and writes to a dead pipe ends the program as it returns") {
  for (const auto* scene :
       {"handler_writes_to_dead_pipe", "handler_writes_to_dead_pipe_by_number", "handler_writes_to_pipe_in_disguise"})
    still_dies(scene);
}
TEST_CASE("a dead pipe that is written to in a handler, on a stack of another signal's, ends the program, too") {
  still_dies("pipe_on_a_higher_stack_in_a_handler");
  still_dies("pipe_on_a_stack_that_disarms_itself_in_a_handler");
}
TEST_CASE(
    "a SIGPIPE that is sent at the first instruction of a handler has the effect of the default that stands then") {
  still_dies("sent_at_the_first_instruction_of_a_handler");
}
TEST_CASE("a SIGPIPE that is sent to a coroutine whose stack ends there calls the program's handler") {
  CHECK(bare("sent_as_a_coroutine_waits").out == "alive\n");
  same_as_bare("sent_as_a_coroutine_waits", kGuardsWithHandler);
  same_as_bare("sent_as_a_coroutine_waits", {{"NOSIGPIPE_LOG=/dev/null"}});
}
TEST_CASE("a handler may unmap what the call was given that it interrupts") {
  CHECK(bare("handler_unmaps_what_the_call_was_given").out == "-1 Broken pipe\n-1 Broken pipe\n-1 Broken pipe\n");
  same_as_bare("handler_unmaps_what_the_call_was_given", kGuardsWithHandler);
  same_as_bare("handler_unmaps_what_the_call_was_given", {{"NOSIGPIPE_LOG=/dev/null"}});
  for (const auto* scene : {"handler_unmaps_a_vector_and_dies", "handler_unmaps_a_message_and_dies"}) still_dies(scene);
}
TEST_CASE("an alternate stack that a handler takes is there afterwards where the kernel leaves it so") {
  CHECK(bare("handler_takes_an_alternate_stack").out == "second\nfirst\n");
  same_as_bare("handler_takes_an_alternate_stack", kGuardsWithHandler);
}
TEST_CASE("a handler that is called once, for a dead socket, may write to another") {
  const std::string scene = "handler_writes_to_dead_socket";
  CHECK(bare(scene).killed_by(SIGPIPE));
  CHECK(bare(scene + "_unseen").killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler) CHECK(shimmed(scene, guard).out == "alive: -1 Broken pipe\n");
  for (const auto& guard : {Strings{}, Strings{"NOSIGPIPE_GUARD=catch"}})
    CHECK(shimmed(scene + "_unseen", guard).out == "alive: -1 Broken pipe\n");
}
TEST_CASE("what a handler leaves pending where SIGPIPE is blocked again stays as it is") {
  const auto control = bare("handler_leaves_one_that_stays_pending");
  CHECK(control.out == "1 13 code 0 error 0\n");
  all_as(control, "handler_leaves_one_that_stays_pending", kGuards);
}

TEST_CASE("a thread with the smallest stack lives") { survives("small_stack", kGuardsWithHandler); }
TEST_CASE("a thread with the smallest alternate stack lives") { survives("small_alternate_stack", kGuardsWithHandler); }

TEST_CASE("a program in strict seccomp lives on a dead socket") { survives("strict_socket", kGuardsWithHandler); }
TEST_CASE("a program in strict seccomp ends at a dead pipe as it would have") {
  CHECK(bare("strict_pipe").killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler) CHECK_FALSE(shimmed("strict_pipe", guard).exited(0));
}
TEST_CASE("a program whose seccomp filter kills lives, entered by prctl") {
  survives("filter_by_prctl", kGuardsWithHandler);
}
TEST_CASE("a program whose seccomp filter kills lives, entered by seccomp with a listener") {
  survives("filter_by_listener", kGuardsWithHandler);
}
TEST_CASE("a program whose seccomp filter kills lives, entered by seccomp") {
  survives("filter_by_seccomp", kGuardsWithHandler);
}

TEST_CASE("a program whose seccomp filter kills lives, entered after an EPIPE, and is no runaway") {
  survives("filter_after_epipe", {{"NOSIGPIPE_RUNAWAY_AFTER=2"}, {"NOSIGPIPE_RUNAWAY_AFTER=9"}});
}
TEST_CASE("a program started in a seccomp filter that knows neither send nor ioctl lives") {
  survives("started_in_filter", {{}, {"NOSIGPIPE_GUARD=catch"}});
  CHECK(shimmed("started_in_filter", {"NOSIGPIPE_MODE=observe"}, ignoring_sigpipe()).out == "alive\n");
}
TEST_CASE("a program that enters such a filter before it has a socket lives") {
  survives("filter_before_socket", {{}, {"NOSIGPIPE_GUARD=catch"}});
}

TEST_CASE("what a fd was before does not matter: file, then dead socket, then file") { survives("stale_hints"); }

static void starts_with_dead_output(const std::string& scene, int output, bool dies) {
  Start start;
  start.out = output;
  CHECK(bare(scene, start).killed_by(SIGPIPE));
  for (const auto& guard : kGuardsWithHandler) {
    const auto ending = shimmed(scene, guard, start);
    INFO(scene << " with " << words(guard) << ": " << ending.text());
    CHECK(ending.killed_by(SIGPIPE) == dies);
  }
  close(output);
}

static int dead_socketpair() {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  close(ends[1]);
  return ends[0];
}

TEST_CASE("a socketpair as standard output is a pipe: write") {
  starts_with_dead_output("standard_output_write", dead_socketpair(), true);
}
TEST_CASE("a socketpair as standard output is a pipe: writev") {
  starts_with_dead_output("standard_output_writev", dead_socketpair(), true);
}
TEST_CASE("a socketpair as standard output is a pipe after EPIPEs on other sockets, too") {
  Start start;
  start.out = dead_socketpair();
  CHECK(bare("standard_output_after_sockets", start).err.empty());
  for (const auto& guard : kGuards) {
    const auto ending = shimmed("standard_output_after_sockets", guard, start);
    INFO(words(guard));
    CHECK(ending.err == "alive\n");
    CHECK(ending.killed_by(SIGPIPE));
  }
  close(start.out);
}
TEST_CASE("a socketpair as standard output is a pipe: stdio") {
  starts_with_dead_output("standard_output_stdio", dead_socketpair(), true);
}

TEST_CASE("a socketpair as standard output is a socket where one end has a name") {
  const int fd = dead_socketpair();
  const sockaddr_un any{AF_UNIX, {}};
  REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any.sun_family) == 0);
  starts_with_dead_output("standard_output_write", fd, false);
}

// On a TCP socket that was never connected the first write is EPIPE.
static int dead_tcp() { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

TEST_CASE("TCP as standard output is a socket: write") {
  starts_with_dead_output("standard_output_write", dead_tcp(), false);
}
TEST_CASE("TCP as standard output is a socket: writev") {
  starts_with_dead_output("standard_output_writev", dead_tcp(), false);
}
TEST_CASE("TCP as standard output is a socket: stdio") {
  starts_with_dead_output("standard_output_stdio", dead_tcp(), false);
}

TEST_CASE("with scope all a pipe without reader is kept safe, too") {
  for (const auto* scene : {"pipe_still_kills", "pipe_stdio_still_kills", "pipe_splice_still_kills"}) {
    CHECK(bare(scene).killed_by(SIGPIPE));
    for (auto guard : kGuardsWithHandler) {
      guard.push_back("NOSIGPIPE_SCOPE=all");
      INFO(scene << " with " << words(guard));
      CHECK(shimmed(scene, guard).exited(0));
    }
  }
  CHECK(shimmed("raise_still_kills", {"NOSIGPIPE_SCOPE=all"}).killed_by(SIGPIPE));
  CHECK(shimmed("kill_still_kills", {"NOSIGPIPE_SCOPE=all"}).killed_by(SIGPIPE));
}
