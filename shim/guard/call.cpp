#include "guard/call.h"

#include <cerrno>

#include "guard/runaway.h"
#include "log/event.h"
#include "log/log.h"
#include "program/disposition.h"
#include "program/fd.h"
#include "program/policy.h"
#include "program/thread_state.h"
#include "system/options.h"

namespace {

std::size_t total(const iovec* iov, std::size_t count) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += iov[i].iov_len;
  return bytes;
}

void log(const Call& call, const char* technique) {
  if (!logging::wanted() || !fd::raises_sigpipe(call.fd)) return;
  event::log({call.function, call.fd, call.asked.bytes(), technique, call.return_address});
}

bool delivers() { return options::get().handlers == Handlers::deliver && disposition::has_handler(); }

}  // namespace

std::size_t Asked::bytes() const {
  const auto* message = static_cast<const msghdr*>(at_);  // an mmsghdr begins with its msghdr
  switch (what_) {
    case What::vector:
      return total(static_cast<const iovec*>(at_), count_);
    case What::message:
    case What::messages:
      return total(message->msg_iov, message->msg_iovlen);
    default:
      return count_;
  }
}

// The flag kept the kernel from raising anything. What the program has a right to is made up for here.
void on_epipe_flagged(const Call& call) {
  if (policy::uses(policy::in_seccomp)) return;
  if (call.fd <= 2 && !fd::in_scope(call.fd)) {
    mask::raise_as_kernel(mask::Mark::due);
  } else if (mask::blocks_sigpipe()) {
    log(call, "flag");
    if (fd::raises_sigpipe(call.fd)) mask::raise_as_kernel(mask::Mark::averted);
  } else {
    log(call, "flag");
    if (delivers() && fd::raises_sigpipe(call.fd)) mask::raise_as_kernel(mask::Mark::due);
    runaway::count(call.fd);
    if (thread.unblocked && policy::uses(policy::counts_only)) thread.silent_errno = &errno;
  }
  errno = EPIPE;
}

// The kernel may have met EPIPE at the message behind the last, and would have raised SIGPIPE.
void on_short_count_flagged(const Call& call) {
  if (policy::uses(policy::in_seccomp)) return;
  const int error = errno;
  const bool blocked = mask::blocks_sigpipe();
  const bool due = !blocked && delivers();
  if ((blocked || due || logging::wanted()) && fd::is_dead(call.fd) && fd::raises_sigpipe(call.fd)) {
    log(call, "flag");
    if (blocked || due) mask::raise_as_kernel(blocked ? mask::Mark::averted : mask::Mark::due);
  }
  errno = error;
}

void on_epipe_handled(const Call& call, bool logged) {
  const Mode mode = options::get().mode;
  if (!logged) log(call, mode == Mode::observe ? "none" : "catch");
  if (mode == Mode::protect) runaway::count(call.fd);
  errno = EPIPE;
}

// The handler has not been here: SIGPIPE is ignored or blocked, or nobody could tell whose it was.
void on_epipe_unhandled(const Call& call) {
  const Mode mode = options::get().mode;
  if (mode == Mode::off || policy::uses(policy::in_seccomp)) return;
  if (fd::in_scope(call.fd)) {
    log(call, mode == Mode::observe ? "none" : "catch");
    if (mode == Mode::protect && !mask::blocks_sigpipe())
      runaway::count(call.fd);
    else if (mode == Mode::protect && fd::raises_sigpipe(call.fd))
      mask::mark_pending();
  }
  errno = EPIPE;
}

void on_success_handled(const Call& call) {
  const int error = errno;
  log(call, options::get().mode == Mode::observe ? "none" : "catch");
  errno = error;
}

// sendfile and splice can report bytes written and have raised SIGPIPE all the same: the peer left in between.
void finish_masked(const Call& call, mask::Masked& masked, long result) {
  const int error = errno;
  const bool failed = result < 0 && error == EPIPE;
  const bool short_count = result >= 0 && static_cast<std::size_t>(result) < call.asked.bytes();
  const bool partly =
      short_count && (kernel::pending() & kernel::only(SIGPIPE)) != 0 && fd::dead_one_of(call.fd, call.fd) >= 0;
  const bool ours = (failed || partly) && fd::in_scope(call.fd) && fd::raises_sigpipe(call.fd);
  const bool blocked = masked.blocked_by_program;
  if (partly && blocked) thread.short_count_fd = call.fd;
  const bool drained = mask::leave(masked, ours && !(partly && blocked));
  if (drained || (ours && failed)) log(call, "mask");
  if (drained && delivers()) mask::raise_as_kernel(mask::Mark::due);
  if (ours && failed && !blocked)
    runaway::count(call.fd);
  else if (result >= 0)
    runaway::stop();
  errno = error;
}
