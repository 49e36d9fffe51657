#include "guard/sigpipe_handler.h"

#include <cerrno>

#include "guard/raised.h"
#include "guard/runaway.h"
#include "log/event.h"
#include "log/log.h"
#include "program/fd.h"
#include "program/handler_stubs.h"
#include "program/mask.h"
#include "system/clock.h"
#include "system/options.h"
#include "system/proc.h"

namespace handler {
namespace {

// Nothing is asked where a system call of ours may kill: averted, unless what is remembered of the fd says that it is
// a pipe.
bool averts_unasked(const siginfo_t& info, const void* context) {
  const auto at = context::read(context);
  if (info.si_code != SI_USER || at.result != -EPIPE) return false;
  const auto call = raised::by(at, false);
  return call.failed && (call.fd < 0 || fd::hint(call.fd) != fd::Hint::other);
}

using mask::Mark;

enum class Fate {
  averted,  // the thread lives on as if nothing had been raised
  told,     // it has its effect, and the log knows
  passed    // it has its effect
};

// What is averted, or observed over a socket, is logged here.
Fate fate_of(const siginfo_t& info, const void* context, bool has_handler) {
  const auto& options = options::get();
  const bool protects = options.mode == Mode::protect;
  const bool may_avert = protects && (!has_handler || options.handlers == Handlers::bypass);
  const auto mark = mask::mark_of(info);
  if (mark == Mark::averted) return may_avert ? Fate::averted : Fate::told;
  if (mark == Mark::nothing) return Fate::averted;
  if (mark != Mark::none) return Fate::passed;
  if (policy::makes_no_calls()) return may_avert && averts_unasked(info, context) ? Fate::averted : Fate::passed;
  if ((!may_avert && (protects || !logging::wanted())) || !kernel::has_raised(info)) return Fate::passed;
  const auto at = context::read(context);
  const auto call = raised::by(at, true);
  if (!raised::is_ours(call)) return Fate::passed;

  const bool dies = !may_avert && !has_handler && kernel::pid() != 1;
  event::log({call.name, call.fd, call.asked, may_avert ? "catch" : "none", at.call_site, context, dies});
  if (!may_avert) return Fate::told;
  if (call.fd >= 0 && fd::hint(call.fd) == fd::Hint::other) fd::remember(call.fd, fd::Hint::none);
  if (call.fd >= 0 && call.failed) runaway::count(call.fd);
  look_for_tracer();
  return Fate::averted;
}

const char* sent_by(const siginfo_t& info) {
  switch (info.si_code) {
    case SI_USER:
      return "kill";
    case SI_TKILL:
      return "tgkill";
    case SI_QUEUE:
      return "sigqueue";
    default:
      return "unknown";
  }
}

// The call that has raised it, or by which it was sent.
raised::Call source_of(const siginfo_t& info, const context::Interrupted& at, event::Passed& passed) {
  const auto mark = mask::mark_of(info);
  passed = event::Passed::sent;
  if (mark == Mark::none && !kernel::has_raised(info)) return {sent_by(info), -1, event::kNotKnown, false};
  auto call = mark == Mark::pipe ? raised::Call{} : raised::by(at, true);
  const bool is_kill = mark == Mark::none && (at.is_met || (at.in_call && at.number == SYS_kill));
  if (call.name == nullptr && !is_kill && thread.raised_by != nullptr &&
      (mark != Mark::none || fd::is_unread_pipe(thread.raised_on)))
    call = {thread.raised_by, thread.raised_on, event::kNotKnown, true};
  thread.raised_by = nullptr;
  const bool is_runaway = mark == Mark::due && !fd::is_disguised_pipe(call.fd);
  passed = is_runaway ? event::Passed::runaway : event::Passed::by_call;
  if (call.name != nullptr) return call;
  passed = is_kill ? event::Passed::sent : event::Passed::earlier;
  return {passed == event::Passed::sent ? "kill" : "unknown", -1, event::kNotKnown, false};
}

// Of what its child has died of a program may die, too: timeout(1) raises it in itself, and unshare(1). The child has
// its line.
bool hands_on(const siginfo_t& info, event::Passed passed, bool dies) {
  return dies && passed == event::Passed::sent && info.si_pid == kernel::pid() && event::child_has_died();
}

// The log has its line before it has its effect.
[[gnu::noinline]] void tell(const siginfo_t& info, const void* context, bool dies) {
  if (!logging::wanted() || policy::makes_no_calls()) return;
  const auto at = context::read(context);
  event::Passed passed;
  const auto call = source_of(info, at, passed);
  if (hands_on(info, passed, dies)) return;
  event::log({call.name, call.fd, call.asked, "none", at.call_site, context, dies, passed, &info});
}

// A handler of the program's has come back. What it has sent to the process, to end it, will be found behind the call
// that the handler was called for, and is not that call's. It may have changed `place`, too, where the thread goes on;
// and unmapped what that call was given, and its stack.
[[gnu::noinline]] void after_handler(const void* context, const void* place) {
  if (policy::makes_no_calls() || !mask::is_pending() || context::blocks(context, SIGPIPE)) return;
  const int error = errno;
  if (handler_stubs::stands_for_default() && context::place(context) == place && context::is_behind_call(context) &&
      mask::was_sent_to_process())
    context::note_met(context);
  errno = error;
}

}  // namespace

void look_for_tracer() {
  static constinit std::atomic<time_t> last = 0;
  if (options::get().guard != Guard::automatic) return;
  const auto now = kernel::clock(CLOCK_MONOTONIC_COARSE).tv_sec;
  if (last.exchange(now) == now) return;
  const bool is_traced = proc::is_traced();
  if (is_traced == policy::knows(policy::is_traced)) return;
  is_traced ? policy::learn(policy::is_traced) : policy::take_back(policy::is_traced);
}

}  // namespace handler

void handler_stubs::on_sigpipe(unsigned stub, siginfo_t* info, void* context) {
  const int error = errno;
  const bool has_handler = stands_for_handler(stub);
  const auto fate = handler::fate_of(*info, context, has_handler);
  if (fate != handler::Fate::averted) {
    const bool dies = !has_handler && kernel::pid() != 1;
    if (dies) event::log_totals(context);
    if (fate == handler::Fate::passed) handler::tell(*info, context, dies);
  }
  errno = error;
  if (fate == handler::Fate::averted) return;
  const void* const place = context::place(context);
  const bool outer = thread.in_handler;
  thread.in_handler = outer || has_handler;
  deliver(stub, info, context);
  thread.in_handler = outer;
  handler::after_handler(context, place);
}
