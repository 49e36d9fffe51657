#include "program/mask.h"

#include <unistd.h>

#include <atomic>

#include "program/thread_state.h"
#include "system/real.h"

namespace mask {
namespace {

constexpr auto kSigpipe = kernel::only(SIGPIPE);

// Takes back what this thread's call has raised. The thread's own signal is dequeued before the process's, so it is
// there; but where one of another sender was there before, the kernel has dropped its own.
bool drain_raised() {
  siginfo_t info{};
  if (!kernel::take_pending(kSigpipe, &info)) return false;
  if (!from_kernel(info)) kernel::queue_to_thread(info);
  return from_kernel(info);
}

// If SIGPIPE is blocked in this thread, it is by us: a handler that interrupts the call is not to take it for the
// program's doing. True a little longer than the mask itself is changed, so that it holds wherever a handler comes.
constinit thread_local bool blocked_by_us = false;

bool is_blocked(kernel::Signals mask) { return (mask & kSigpipe) != 0; }

void restore(const Masked& masked) {
  if (masked.unblocks) kernel::change_mask(SIG_UNBLOCK, kSigpipe);
  blocked_by_us = masked.was_inside_ours;
}

// The thread is cancelled, as its call came back, perhaps with a SIGPIPE.
void abandon(void* argument) {
  const auto& masked = *static_cast<Masked*>(argument);
  if (masked.unblocks) drain_raised();
  restore(masked);
}

}  // namespace

void enter(Masked& masked) {
  masked.was_inside_ours = blocked_by_us;
  blocked_by_us = true;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  masked.unblocks = !is_blocked(kernel::change_mask(SIG_BLOCK, kSigpipe));
  masked.blocked_by_program = !masked.unblocks && !masked.was_inside_ours;
  if (masked.blocked_by_program) blocked_by_us = false;
  // A cancelled thread must not run its cleanup handlers with SIGPIPE blocked, and no destructor runs without the C++
  // runtime.
  if (auto* push = real::cleanup_push.find()) push(masked.cleanup, abandon, &masked);
}

bool leave(Masked& masked, bool drain) {
  if (auto* pop = real::cleanup_pop.find()) pop(masked.cleanup, 0);
  const bool drained = drain && !masked.blocked_by_program && drain_raised();
  if (drain && masked.blocked_by_program) mark_pending();
  restore(masked);
  return drained;
}

// To ask is a third of what an EPIPE costs.
bool blocks_sigpipe() {
  if (thread.unblocked) return false;
  const bool blocked = is_blocked(kernel::mask());
  thread.unblocked = !blocked;
  return blocked && !blocked_by_us;
}

void raise_as_kernel(Mark mark) {
  siginfo_t info{};
  info.si_signo = SIGPIPE;
  info.si_code = SI_USER;
  info.si_pid = kernel::pid();
  info.si_uid = static_cast<uid_t>(kernel::call(SYS_getuid));
  arch::mark_in(info) = static_cast<int>(mark);
  kernel::queue_to_thread(info);
}

bool from_kernel(const siginfo_t& info) { return info.si_code == SI_USER && info.si_pid == kernel::pid(); }

void mark_pending() {
  siginfo_t info{};
  if (!kernel::take_pending(kSigpipe, &info)) return;
  if (from_kernel(info)) arch::mark_in(info) = static_cast<int>(Mark::averted);
  kernel::queue_to_thread(info);
}

}  // namespace mask
