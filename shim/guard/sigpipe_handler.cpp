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

// Whether the thread lives on as if nothing had been raised.
bool averts(const siginfo_t& info, const void* context, bool has_handler) {
  const auto& options = options::get();
  const bool may_avert = options.mode == Mode::protect && (!has_handler || options.handlers == Handlers::bypass);
  if (mask::mark_of(info) != mask::Mark::none) return may_avert && mask::mark_of(info) == mask::Mark::averted;
  if (policy::makes_no_calls()) return may_avert && averts_unasked(info, context);
  if (!mask::from_kernel(info) || (!may_avert && !logging::wanted())) return false;
  const auto at = context::read(context);
  const auto call = raised::by(at, true);
  if (call.name == nullptr) return false;
  if (call.fd >= 0 ? fd::is_unread_pipe(call.fd) : fd::has_unread_pipe() && !fd::has_dead_socket()) return false;

  const bool dies = !may_avert && !has_handler && kernel::pid() != 1;
  event::log({call.name, call.fd, call.asked, may_avert ? "catch" : "none", at.call_site, context, dies});
  if (!may_avert) return false;
  if (call.fd >= 0 && fd::hint(call.fd) == fd::Hint::other) fd::remember(call.fd, fd::Hint::none);
  if (call.fd >= 0 && call.failed) runaway::count(call.fd);
  look_for_tracer();
  return true;
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
  const bool averted = handler::averts(*info, context, stands_for_handler(stub));
  errno = error;
  if (averted) return;
  if (!stands_for_handler(stub) && kernel::pid() != 1) event::log_totals(context);
  deliver(stub, info, context);
}
