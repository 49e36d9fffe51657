// The handler, its stubs, the hooks and what they do with masks, in a process whose signals are a model: no schedule in
// which a socket kills, a pipe is averted, or what the program sets is undone by one of ours.
#include "interleavings/yielding.h"

#include <cerrno>
#include <cstdio>

#include "guard/wrappers.h"
#include "interleavings/kernel_model.h"
#include "log/event.h"
#include "program/disposition.h"
#include "program/handler_stubs.h"
#include "program/mask.h"
#include "program/policy.h"
#include "system/clock.h"
#include "system/options.h"
#include "system/proc.h"

// What the shim finds elsewhere.

namespace {
Options chosen{};
}
const Options& options::get() { return chosen; }

bool real::Symbol::find_in(const ElfSymbols&) {
  set(reinterpret_cast<void*>(model::sigaction));
  return true;
}
void real::find_all() { real::sigaction.find_in(ElfSymbols(0, nullptr, 0)); }

void event::log(const Event&) {}
void event::log_totals(const void*) {}
void event::log_runaway(int, unsigned, const char*) {}
bool event::child_has_died() { return false; }
void runaway::look(int) {}
void runaway::count_on_another(int) {}
timespec kernel::clock(clockid_t) { return {}; }
proc::Status proc::status() { return {true, false, false, false}; }
bool proc::is_traced() { return false; }
int proc::fd_limit() { return 8; }

namespace {

using handler_stubs::Handler;
using model::kPipe;
using model::kSocket;
using model::process;
using schedules::must;

using Body = std::function<void()>;

// A handler of the program's, and how often it was called for what.
std::array<int, 4> calls;
void handle(int, siginfo_t* info, void*) {
  must(info->si_errno == 0, "a handler of the program sees a mark");
  ++calls[info->si_uid];
}
void handle_otherwise(int signal, siginfo_t* info, void* context) { handle(signal, info, context); }

// One that leaves a SIGPIPE pending.
std::function<void()> leave;
void leaves(int signal, siginfo_t* info, void* context) {
  handle(signal, info, context);
  leave();
}

struct Set {
  std::string name;
  Handler handler;
  int flags;
};
Handler as_handler(void (*of_program)(int, siginfo_t*, void*)) {
  struct sigaction act {};
  act.sa_sigaction = of_program;
  return act.sa_handler;
}
const Handler kHandler = as_handler(handle);
const Handler kOther = as_handler(handle_otherwise);
const Set kDefault{"SIG_DFL", SIG_DFL, 0}, kIgnore{"SIG_IGN", SIG_IGN, 0}, kHandle{"a handler", kHandler, SA_SIGINFO},
    kRestarts{"the handler with SA_RESTART", kHandler, SA_SIGINFO | SA_RESTART},
    kHandleOtherwise{"another handler", kOther, SA_SIGINFO | SA_RESTART},
    kOnce{"a handler once", kHandler, static_cast<int>(SA_SIGINFO | SA_RESETHAND)},
    kLeaves{"a handler that leaves one pending", as_handler(leaves), SA_SIGINFO},
    kLeavesOnce{"a handler that leaves one pending, once", as_handler(leaves),
                static_cast<int>(SA_SIGINFO | SA_RESETHAND)};
const std::vector<Set> kSets{kDefault, kIgnore, kHandle};

struct sigaction as_action(const Set& set) {
  struct sigaction act {};
  act.sa_handler = set.handler;
  act.sa_flags = set.flags;
  return act;
}

model::Thread& own() { return process.threads[static_cast<std::size_t>(schedules::running())]; }

void set(const Set& wanted) {
  const auto act = as_action(wanted);
  if (schedules::running() < 0) {
    process.view = act;
    disposition::change(&act, nullptr);
    return;
  }
  own().sets = act;
  struct sigaction old {};
  must(disposition::change(&act, &old) == 0, "a disposition cannot be set");
  must(!own().sets, "a disposition was not set");
  must(process.is_doomed || process.resets || old.sa_handler == own().stood.sa_handler,
       "the program is told of another disposition");
}
Body sets(const Set& wanted) {
  return [wanted] { set(wanted); };
}

// By an instruction of the program.
void write_raw(int fd) {
  must(model::write(fd) == -1 && errno == EPIPE, "a write is no EPIPE");
  must(fd != kPipe || own().lives_on_pipe || process.refuses_to_raise, "a pipe's is averted");
}
Body writes_raw(int fd) {
  return [fd] { write_raw(fd); };
}

// By a function that has no flag.
void write_hooked(int fd) {
  own().lives_on_pipe = false;
  const auto result = guarded(Hook{"write", fd, Bytes{1}}, [fd] { return model::write(fd); });
  must(result == -1 && errno == EPIPE, "a hook's result is no EPIPE");
  must(fd != kPipe || own().lives_on_pipe || process.refuses_to_raise, "a pipe's is averted");
}
Body writes_hooked(int fd) {
  return [fd] { write_hooked(fd); };
}

void blocks() {
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  mask::may_block(SIG_BLOCK, &sigpipe);
  kernel::change_mask(SIG_BLOCK, kernel::only(SIGPIPE));
}

// As the constructor and the first call of a hook leave it.
void start() {
  model::begin();
  process.files[kSocket] = model::File::dead_socket;
  process.files[kPipe] = model::File::dead_pipe;
  calls = {};
  policy::decide();
  disposition::arm();
  policy::learn(policy::armed);
}

// What stands in the kernel is, in the program's terms, what it has set last.
void check_view() {
  constexpr unsigned kOfLibc = 0x04000000;
  const auto stands = handler_stubs::to_program(process.action);
  const bool is_reset = (handler_stubs::bits(process.view.sa_flags) & handler_stubs::bits(SA_RESETHAND)) != 0;
  if (is_reset && calls[model::socket] > 0) return must(stands.sa_handler == SIG_DFL, "a handler is not reset");
  must(stands.sa_handler == process.view.sa_handler, "what the program has set is undone");
  must((handler_stubs::bits(stands.sa_flags) & ~kOfLibc) == handler_stubs::bits(process.view.sa_flags),
       "the flags that the program has set are undone");
}

void check() {
  must(!process.has_died || process.died_of != model::socket || process.is_doomed, "a socket kills");
  must(calls[model::none] == 0, "a handler of the program is called twice");
  if (!process.has_died) check_view();
}

void lives() {
  must(!process.has_died, "it dies");
  check();
}

bool holds = true;
void hold(const schedules::Scenario& scenario) { holds = schedules::hold(scenario) && holds; }

void set_beside(const std::string& what, const std::vector<Body>& others, const Body& ends,
                const Body& begins = start) {
  for (const auto& one : kSets) {
    auto threads = others;
    threads.push_back(sets(one));
    hold({what + " beside " + one.name, begins, threads, ends});
    for (const auto& other : kSets) {
      if (others.size() > 1) continue;
      threads = others;
      threads.push_back([one, other] {
        set(one);
        set(other);
      });
      hold({what + " beside " + one.name + ", then " + other.name, begins, threads, ends});
      threads = others;
      threads.push_back(sets(one));
      threads.push_back(sets(other));
      hold({what + " beside " + one.name + " and " + other.name, begins, threads, ends});
    }
  }
}

void may_block() {
  start();
  policy::learn(policy::may_block_sigpipe);
}

void with_pid_1() {
  start();
  process.pid = 1;
}

void in_sandbox() {
  start();
  process.refuses_to_raise = true;
}

void once() {
  start();
  process.resets = true;
  set(kOnce);
}

void handled() {
  start();
  process.resets = true;
  set(kHandle);
}

// Where SIGPIPE is blocked what a socket has raised is left pending with a mark, which a stub has to hide; until it is
// unblocked.
void write_blocked() {
  blocks();
  write_hooked(kSocket);
  kernel::change_mask(SIG_UNBLOCK, kernel::only(SIGPIPE));
}

void mark_is_hidden() {
  for (const auto& one : {kDefault, kIgnore, kHandle, kRestarts, kHandleOtherwise})
    for (const auto& other : {kDefault, kIgnore, kRestarts}) {
      const auto sets_both = [one, other] {
        set(one);
        set(other);
      };
      const auto what = "a blocked socket beside " + one.name + ", then " + other.name;
      hold({what, may_block, {write_blocked, sets_both}, lives});
      hold({what + ", for a handler", handled, {write_blocked, sets_both}, lives});
    }
}

// Masked calls take back what they have raised, and nothing that another has sent.
void masking() {
  chosen.guard = Guard::mask;
  handled();
}

void handled_each() {
  lives();
  must(calls[model::sent] == 1, "a signal that was sent is lost");
  must(calls[model::socket] == 1, "a signal that the handler is to see is lost");
}

void what_is_sent_stays() {
  const auto kills = [](int from) { return [from] { model::kill(from); }; };
  hold({"a masked socket and a kill by another", masking, {writes_hooked(kSocket), kills(1)}, handled_each});
  hold({"a masked socket and a kill by its own", masking, {writes_hooked(kSocket), kills(1000)}, handled_each});
  static bool is_queued;
  const auto kills_thread = [] { is_queued = model::kill_thread(0); };
  const auto unblocks = [] {
    write_hooked(kSocket);
    kernel::change_mask(SIG_UNBLOCK, kernel::only(SIGPIPE));
  };
  const auto handled_both = [] {
    lives();
    const bool is_due = is_queued && !process.threads[0].pending;
    must(calls[model::sent] == is_due, "a signal that was sent to a thread is lost");
  };
  hold({"a masked socket and a kill of its thread", masking, {unblocks, kills_thread}, handled_both});
  chosen.guard = Guard::automatic;
}

// Who is called once is: of two writes at once one is for the default.
void once_for_two() {
  const auto ends = [] {
    lives();
    must(calls[model::socket] == 1, "a handler that is to be called once is not");
  };
  hold({"two sockets for a handler that is called once", once, {writes_raw(kSocket), writes_raw(kSocket)}, ends});
}

// What a handler has left pending comes behind the socket's call that it was called for, and is not that call's.
void handler_leaves() {
  const auto begins = [] {
    start();
    process.resets = true;
    set(kLeavesOnce);
  };
  const auto dies_of = [](model::Cause cause) {
    return [cause] {
      must(process.has_died && (process.died_of == cause || process.is_doomed),
           "what a handler leaves pending is lost");
    };
  };
  const auto hold_for = [&](const std::string& what, const Body& does, const std::vector<Body>& threads,
                            const Body& ends) {
    leave = does;
    hold({"a handler that " + what, begins, threads, ends});
  };
  const std::vector<Body> one{writes_raw(kSocket)}, two{writes_raw(kSocket), writes_raw(kSocket)};
  const auto writes_to_pipe = [] { guarded(Hook{"write", kPipe, Bytes{1}}, [] { return model::write(kPipe); }); };
  for (const auto& threads : {one, two}) {
    hold_for("writes to a pipe", writes_to_pipe, threads, dies_of(model::pipe));
    hold_for("writes to a socket", writes_hooked(kSocket), threads, lives);
    hold_for("writes to a socket past the hooks", writes_raw(kSocket), threads, lives);
  }
  const auto sends = [] { model::kill(1000); };
  const auto writes_and_sends = [sends] { write_hooked(kSocket), sends(); };
  // Another thread may take it, just as its own write returns (README, Limits).
  hold_for("sends the signal once more", sends, one, dies_of(model::sent));
  hold_for("writes to a socket and sends it once more", writes_and_sends, one, dies_of(model::sent));
}

// One that stays: each signal is for it, whoever sends it, and whatever it leaves pending itself.
void handler_that_stays_leaves() {
  static int left;
  static bool is_queued;
  const auto begins = [] {
    start();
    left = 0;
    set(kLeaves);
  };
  leave = [] {
    if (left++ == 0) model::kill(1000);
  };
  const auto kills_thread = [] { is_queued = model::kill_thread(0); };
  const auto ends = [] {
    lives();
    const int due = 1 + is_queued - process.threads[0].pending.has_value();
    must(calls[model::sent] == due, "a signal that was sent is lost");
  };
  hold({"a handler that sends the signal, and another thread's", begins, {writes_raw(kSocket), kills_thread}, ends});
}

}  // namespace

int main() {
  set_beside("a socket", {writes_raw(kSocket)}, lives);
  set_beside("a socket by a hook", {writes_hooked(kSocket)}, lives);
  set_beside("a pipe", {writes_raw(kPipe)}, check);
  set_beside("a pipe by a hook", {writes_hooked(kPipe)}, check);
  set_beside("a pipe and a socket", {writes_raw(kPipe), writes_raw(kSocket)}, check);
  set_beside("two pipes", {writes_raw(kPipe), writes_raw(kPipe)}, check);
  set_beside("the first process's pipe", {writes_raw(kPipe)}, lives, with_pid_1);
  set_beside("a pipe in a sandbox", {writes_raw(kPipe)}, lives, in_sandbox);
  set_beside("a socket for a handler that is called once", {writes_raw(kSocket)}, lives, once);
  mark_is_hidden();
  what_is_sent_stays();
  once_for_two();
  handler_leaves();
  handler_that_stays_leaves();
  return holds ? 0 : 1;
}
