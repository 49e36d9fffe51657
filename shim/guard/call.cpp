#include "guard/call.h"

#include "guard/runaway.h"
#include "guard/sigpipe_handler.h"
#include "log/event.h"
#include "log/log.h"
#include "program/disposition.h"
#include "program/fd.h"
#include "program/policy.h"
#include "system/options.h"

namespace {

void log(const Call& call, const char* technique, event::Passed passed = event::Passed::no) {
  event::log({call.system_call, call.fd, call.bytes, technique, call.return_address, nullptr, false, passed});
}

// Our handler will find the signal elsewhere than behind this call.
void remember(const Call& call) {
  thread.raised_by = call.system_call;
  thread.raised_on = call.fd;
}

const char* left_to_handler() { return options::get().mode == Mode::observe ? "none" : "catch"; }

bool delivers() { return options::get().handlers == Handlers::deliver && disposition::has_handler(); }

// A handler that stands in the kernel itself would see the mark.
void mark(mask::Mark mark) {
  if (options::get().mode == Mode::protect && handler_stubs::hides_marks()) mask::mark_pending(mark);
}

// By the time it is taken the default may stand where a handler of the program does now, or SIG_IGN.
void leave_averted() { mark(mask::Mark::averted); }

// What a handler leaves pending is found behind the call that it was called for. One that was left by siglongjmp is
// still taken to run: then a mark is seen that need not be there.
void leave_to_pipe(const Call& call) {
  remember(call);
  if (thread.in_handler) mark(mask::Mark::pipe);
}

}  // namespace

void on_epipe_flagged(const Call& call) {
  if (policy::makes_no_calls()) return;
  if (options::get().scope == Scope::sockets && fd::is_disguised_pipe(call.fd)) {
    remember(call);
    return mask::raise_due();
  }
  const bool blocked = mask::blocks_sigpipe();
  if ((blocked || logging::wanted()) && !fd::raises_sigpipe(call.fd)) return;
  log(call, "flag");
  blocked ? mask::leave_pending() : runaway::count(call.fd);
}

void on_short_count_flagged(const Call& call) {
  const bool blocked = mask::blocks_sigpipe();
  if (policy::makes_no_calls() || (!blocked && !logging::wanted())) return;
  if (!fd::is_dead(call.fd)) return;
  log(call, "flag");
  if (blocked) mask::leave_pending();
}

// Who ignores SIGPIPE is never a runaway: nothing would have ended it.
void on_epipe_unmasked(const Call& call) {
  if (options::get().mode == Mode::off || policy::makes_no_calls()) return;
  const bool blocked = mask::is_blocked_by_program();
  if (!blocked && (!logging::wanted() || !disposition::ignores())) return;
  if (!fd::raises_sigpipe(call.fd)) return;
  if (fd::is_unread_pipe(call.fd)) return leave_to_pipe(call);
  log(call, left_to_handler());
  if (blocked) leave_averted();
}

void on_short_count_unmasked(const Call& call) {
  if (options::get().mode != Mode::protect || policy::makes_no_calls()) return;
  if (!mask::blocks_sigpipe() || !mask::is_pending()) return;
  if (fd::is_unread_pipe(call.fd)) return leave_to_pipe(call);
  if (!fd::is_stream_socket(call.fd) || !fd::is_dead(call.fd)) return;
  log(call, left_to_handler());
  leave_averted();
}

void finish_masked(const Call& call, mask::Masked& masked, bool failed) {
  const bool averts = !fd::is_unread_pipe(call.fd);
  const bool blocked = masked.blocked_by_program;
  // Whatever the fd is by now: what has been raised would kill.
  const bool drained = averts && !blocked && mask::drain_raised();
  const bool met = drained || (averts && failed && fd::raises_sigpipe(call.fd));
  const bool is_left = blocked && (met || (averts && !failed && mask::is_pending() && fd::is_dead(call.fd)));
  const bool passes = drained && delivers();
  if (is_left) leave_averted();
  if (!averts) leave_to_pipe(call);
  mask::leave(masked);
  if (met || is_left) log(call, "mask", passes ? event::Passed::by_call : event::Passed::no);
  if (passes) handler_stubs::stands() ? mask::leave_pending() : mask::raise_as_kernel();
  if (met && failed && !blocked) runaway::count(call.fd);
  handler::look_for_tracer();
}
