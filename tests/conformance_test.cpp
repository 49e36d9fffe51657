// POSIX's signal functions where the signal is SIGPIPE: whatever stands in the kernel in the place of the program's
// disposition, the program, its children and its parent see what they see without the shim.
#include <unistd.h>

#include <set>

#include "support/scene.h"

namespace {

// With a handler of ours before the program's own.
const Strings kLog{"NOSIGPIPE_LOG=/dev/null"};

// In a masked call a SIGPIPE waits until the call is over: README, Limits.
const std::vector<Strings> kUnmasked{{}, {"NOSIGPIPE_GUARD=catch"}};

// `fact` is what the scene is about, and what it prints bare.
void is_as_bare(const std::string& scene, const std::string& fact, const std::vector<Strings>& guards = kGuards) {
  for (const std::string of : {"", "i386/"}) {
    flavour = of;
    const auto control = bare(scene);
    INFO(of << scene << control.err);
    CHECK(control.exited(0));
    CHECK(control.out.find(fact) != std::string::npos);
    all_as(control, scene, of.empty() ? guards : std::vector<Strings>{{}});
    all_as(control, scene, {kLog});
  }
  flavour = "";
}

}  // namespace

// Who sends it.

TEST_CASE("a handler is called for each way to send SIGPIPE with the sender's siginfo") {
  is_as_bare("sent_to_handler", "sigqueue: signal 13, error 0, code -1, value 7, by self of the same user\n");
}
TEST_CASE("each way to send SIGPIPE kills, and the parent is told how") {
  is_as_bare("sent_to_default", "F_SETSIG: waitid code 2, status 13, the child 1; signaled 1, by 13, core 0\n");
}
TEST_CASE("each way to send SIGPIPE does nothing where it is ignored") { is_as_bare("sent_to_ignored", "alive\n"); }
TEST_CASE("each way to send SIGPIPE leaves it pending where it is blocked, with the sender's siginfo") {
  is_as_bare("sent_to_blocked", "aio_write: pending for the thread 0, for the process 1; signal 13, error 0, code -4");
}
TEST_CASE("without room for queued signals SIGPIPE is as ever") {
  is_as_bare("sent_without_room_in_the_queue", "unblocked: waitid code 2", kGuardsWithHandler);
}
TEST_CASE("PR_SET_PDEATHSIG of SIGPIPE kills, and calls a handler") {
  is_as_bare("sent_as_the_parent_ends_to_default", "signaled 1, by 13\n");
  is_as_bare("sent_as_the_parent_ends_to_handler", "signal 13, code 0, by the parent 1\n");
}
TEST_CASE("of several threads the one takes SIGPIPE that lets it in, or waits for it") {
  is_as_bare("sent_to_the_thread_that_lets_it_in", "for this thread alone: pending 1\nwho waits has it: 13\n");
}
TEST_CASE("a SIGPIPE that is sent to a stopped process has its effect when it goes on") {
  is_as_bare("sent_while_stopped", "handled: stopped 1\n  ended while stopped 0\n  called 1, pending 0\n");
}

// What sleeps meanwhile.

TEST_CASE("an ignored or blocked SIGPIPE interrupts no call") {
  is_as_bare("interrupted_ignored", "nanosleep: -1 Interrupted system call; SIGPIPE 0, SIGUSR1 1, pending 0\n");
  is_as_bare("interrupted_blocked", "nanosleep: -1 Interrupted system call; SIGPIPE 0, SIGUSR1 1, pending 1\n");
}
TEST_CASE("a handled SIGPIPE interrupts the calls that it interrupts, with and without SA_RESTART") {
  is_as_bare("interrupted_handled", "read: -1 Interrupted system call; SIGPIPE 1, SIGUSR1 0, pending 0\n", kUnmasked);
  is_as_bare("interrupted_restarted", "read: -1 Interrupted system call; SIGPIPE 1, SIGUSR1 1, pending 0\n", kUnmasked);
  is_as_bare("interrupted_by_siginterrupt", "read: -1 Interrupted system call; SIGPIPE 1, SIGUSR1 0, pending 0\n",
             kUnmasked);
}
TEST_CASE("behind SIGSTOP and SIGCONT an ignored or blocked SIGPIPE interrupts no call more") {
  is_as_bare("stopped_ignored", "poll: -1 Interrupted system call; SIGPIPE 0, SIGUSR1 1, pending 0\n");
  is_as_bare("stopped_blocked", "epoll_wait: -1 Interrupted system call; SIGPIPE 0, SIGUSR1 0, pending 1\n");
}
TEST_CASE("behind SIGSTOP and SIGCONT a handled SIGPIPE interrupts the calls that it interrupts") {
  is_as_bare("stopped_handled", "read: -1 Interrupted system call; SIGPIPE 1, SIGUSR1 0, pending 0\n", kUnmasked);
  is_as_bare("stopped_restarted", "read: -1 Interrupted system call; SIGPIPE 1, SIGUSR1 1, pending 0\n", kUnmasked);
}
TEST_CASE("with a SIGPIPE of a send pending SIGSTOP and SIGCONT interrupt the calls that they interrupt") {
  is_as_bare("stopped_with_one_pending", "recv: -1 Interrupted system call; SIGPIPE 0, SIGUSR1 1, pending 1\n",
             kGuardsWithHandler);
}

// To the first process of a pid namespace SIG_DFL is as SIG_IGN; a handler of ours that stands there is not.
TEST_CASE("the first process of a pid namespace goes on in the calls that a handler with SA_RESTART leaves alone") {
  const Strings first{"unshare", "--pid", "--fork", "--mount-proc"};
  if (!run(joined(first, {"true"})).exited(0)) SKIP_TEST("no pid namespace is permitted here");
  for (const std::string of : {"", "i386/"}) {
    const auto argv = joined(first, {built(of + "tests/victims/scenes/scenes"), "interrupted_default"});
    const std::string goes_on = ": -1 Interrupted system call; SIGPIPE 0, SIGUSR1 1, pending 0";
    const auto control = run(argv);
    REQUIRE(control.exited(0));
    for (const auto& line : lines_of(control.out)) CHECK(line.ends_with(goes_on));
    // These no handler leaves alone.
    const std::set<std::string> ended{"recv with a timeout", "poll",      "ppoll",           "select", "pselect",
                                      "epoll_wait",          "nanosleep", "clock_nanosleep", "pause",  "sigtimedwait"};
    for (const auto& guard : kGuards) {
      Start start = with_shim(guard);
      start.flavour = of;
      const auto ending = run(argv, start);
      CHECK(ending.exited(0));
      for (const auto& line : lines_of(ending.out)) {
        INFO(of << words(guard) << line);
        const bool is_left_alone =
            guard == Strings{"NOSIGPIPE_GUARD=hooks"} || !ended.contains(line.substr(0, line.find(':')));
        CHECK(line.ends_with(goes_on) == is_left_alone);
      }
      CHECK(lines_of(ending.out).size() == lines_of(control.out).size());
    }
  }
}

// What is set, and what a handler finds.

TEST_CASE("each of sigaction's flags is read back as it was set") {
  is_as_bare("each_flag_read_back", ", mask 1 2 3 4 5 6 7 8 10 11 12 13 14 15 16 17 18 20 ");
}
TEST_CASE("a handler of SIGPIPE is called within itself with SA_NODEFER alone") {
  is_as_bare("handler_with_nodefer", "  call 3 at depth 3, blocked 0, pending 0\n");
  is_as_bare("handler_without_nodefer", "  call 3 at depth 1, blocked 1, pending 0\n");
  is_as_bare("handler_with_nodefer_and_itself_in_the_mask", "  call 3 at depth 1, blocked 1, pending 0\n");
}
TEST_CASE("a handler of SIGPIPE that resets itself finds the default inside, and SIGPIPE kills then") {
  is_as_bare("handler_reset", "  inside: 0 default");
  is_as_bare("handler_reset_and_again", "inside\nraise inside: killed by 13\n");
}
TEST_CASE("a handler of SIGPIPE is called on the alternate stack and may not change it") {
  is_as_bare("handler_on_alternate_stack", "  on it 1, flags 1, changed -1 Operation not permitted");
}
TEST_CASE("a handler of SIGPIPE is given the context, and what it changes there holds") {
  is_as_bare("handler_changes_the_context", "SIGUSR1 1, SIGPIPE 0\nblocked SIGUSR2 1, SIGPIPE 0\n");
}
TEST_CASE("a handler of SIGPIPE within itself that siglongjmp leaves has the mask as it is saved") {
  is_as_bare("handler_left_from_within", "saves 0: called 1, blocked 1, pending 1\n");
}

// Waits that let it in.

TEST_CASE("a wait that lets a pending SIGPIPE in ends by its handler, goes on where it is ignored, kills by default") {
  is_as_bare("waits_let_it_in_handled", "ppoll: -1 Interrupted system call, SIGPIPE 1, SIGUSR1 1, blocked 1");
  is_as_bare("waits_let_it_in_handled_once", "  then: 0 default");
  is_as_bare("waits_let_it_in_ignored", "pselect: -1 Interrupted system call, SIGPIPE 0, SIGUSR1 1, blocked 1");
  is_as_bare("waits_let_it_in_default", "epoll_pwait: killed by 13\n");
  is_as_bare("sigpause_lets_it_in", "called 1, blocked 1\nsigpause: killed by 13\n");
}
TEST_CASE("a pending SIGPIPE is discarded when it is ignored and not when the default is set") {
  is_as_bare("discarded_by_ignoring", "kill: pending 1, default 1, handled 1, ignored 0, sent then 1\n",
             kGuardsWithHandler);
}

// Children.

TEST_CASE("what /proc says of a process's signals is as bare but for SigCgt's SIGPIPE") {
  is_as_bare("status_in_each_state", "ShdPnd:\t0000000000001000\n");
}
TEST_CASE("a child of fork has the disposition and mask and nothing pending") {
  is_as_bare("inherited_by_fork", "child: 0 count");
}
TEST_CASE("an executed program has the mask, what is pending, and an ignored SIGPIPE") {
  // The end of SigIgn: make leaves the two signals ignored that glibc keeps for itself.
  is_as_bare("inherited_by_exec", "1000\nSigCgt:");
  is_as_bare("inherited_by_exec_of_itself", "ShdPnd:\t0000000000001000\n");
  is_as_bare("inherited_by_exec_of_itself_ignored", "1000\nSigCgt:", kGuardsWithHandler);
}
TEST_CASE("a spawned program has the disposition and mask that its attributes say") {
  is_as_bare("inherited_by_spawn", "SigBlk:\t0000000000001000\n");
}
TEST_CASE("a child of vfork that is killed as it sleeps leaves its parent as it was") {
  is_as_bare("killed_child_of_vfork", "ended d\nended 0\nparent: 0 default");
}

// What differs, as the README's Limits have it.

TEST_CASE("whoever waits for a SIGPIPE that it does not block is given what kills it bare") {
  for (const std::string of : {"", "i386/"}) {
    flavour = of;
    CHECK(bare("waits_for_what_it_does_not_block").out == "killed by 13\nkilled by 13\nkilled by 13\n");
    for (const auto& guard : kGuardsWithHandler)
      CHECK(shimmed("waits_for_what_it_does_not_block", guard).out ==
            "exited with 13\nexited with 13\nexited with 13\n");
  }
  flavour = "";
}
TEST_CASE("a SIGPIPE that is sent to a parent in vfork kills it when its child is gone, and bare at once") {
  for (const std::string of : {"", "i386/"}) {
    flavour = of;
    CHECK(bare("sent_to_parent_in_vfork").out == "ends at once: y\nkilled by 13\n");
    for (const auto& guard : kGuardsWithHandler)
      CHECK(shimmed("sent_to_parent_in_vfork", guard).out == "ends at once: n\nkilled by 13\n");
  }
  flavour = "";
}
