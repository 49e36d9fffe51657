#include "program/mask.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "system/real.h"

namespace mask {
namespace {

constexpr auto kSigpipe = kernel::only(SIGPIPE);

bool is_blocked(kernel::Signals mask) { return (mask & kSigpipe) != 0; }

// The masked call that this thread is in. Set a little longer than the mask itself is changed, so that it holds
// wherever a handler comes.
constinit thread_local const Masked* innermost = nullptr;

// Whether it is us who block SIGPIPE in this thread: a handler that interrupts the call is not to take it for the
// program's doing. A call that was left by siglongjmp, or made by a child of vfork that is gone, has left its frame
// below ours. A handler's own stack lies anywhere, so there the frame is believed.
bool blocked_by_us() {
  const auto frame = reinterpret_cast<std::uintptr_t>(innermost);
  if (frame == 0) return false;
  if (frame > reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0))) return true;
  stack_t alternate{};
  kernel::call(SYS_sigaltstack, nullptr, &alternate);
  return (alternate.ss_flags & SS_ONSTACK) != 0;
}

// A handler of the program may run as this unblocks SIGPIPE, and change errno.
void restore(const Masked& masked) {
  const int error = errno;
  if (masked.unblocks) kernel::change_mask(SIG_UNBLOCK, kSigpipe);
  errno = error;
  innermost = masked.outer;
}

// The thread is cancelled, as its call came back, perhaps with a SIGPIPE.
void abandon(void* argument) {
  const auto& masked = *static_cast<Masked*>(argument);
  if (masked.unblocks) drain_raised();
  restore(masked);
}

// The kernel's own siginfo for a SIGPIPE that it raises, with this in si_errno. A handler may run, as above.
void raise(Mark mark) {
  const int error = errno;
  siginfo_t info{};
  info.si_signo = SIGPIPE;
  info.si_errno = static_cast<int>(mark);
  info.si_code = SI_USER;
  info.si_pid = kernel::pid();
  info.si_uid = static_cast<uid_t>(kernel::real_uid());
  kernel::queue_to_thread(info);
  errno = error;
}

}  // namespace

void enter(Masked& masked) {
  masked.outer = blocked_by_us() ? innermost : nullptr;
  innermost = &masked;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  masked.unblocks = !is_blocked(kernel::change_mask(SIG_BLOCK, kSigpipe));
  masked.blocked_by_program = !masked.unblocks && masked.outer == nullptr;
  if (masked.blocked_by_program) innermost = nullptr;
  // A cancelled thread must not run its cleanup handlers with SIGPIPE blocked, and no destructor runs without the C++
  // runtime.
  if (auto* push = real::cleanup_push.find()) push(masked.cleanup, abandon, &masked);
}

// The thread's own signal is dequeued before the process's, so it is there; but where one of another sender was there
// before, the kernel has dropped its own, and that one is put back.
bool drain_raised() {
  siginfo_t info{};
  if (!kernel::take_pending(kSigpipe, &info)) return false;
  if (!kernel::has_raised(info)) kernel::queue_to_thread(info);
  return kernel::has_raised(info);
}

void leave(Masked& masked) {
  if (auto* pop = real::cleanup_pop.find()) pop(masked.cleanup, 0);
  restore(masked);
}

bool is_pending() { return (kernel::pending() & kSigpipe) != 0; }

bool is_blocked_by_program() { return is_blocked(kernel::mask()) && !blocked_by_us(); }

// Also where it does so in a signal handler, or a coroutine, in the middle of a masked call.
void blocks_from_here() {
  innermost = nullptr;
  policy::learn(policy::may_block_sigpipe);
}

void raise_as_kernel() { raise(Mark::none); }

void raise_due() { raise(Mark::due); }

void leave_pending() {
  if (policy::has_handler_of_ours()) raise(Mark::averted);
}

// A handler that jumps would leave it taken.
void mark_pending(Mark mark) {
  const kernel::SignalsBlocked blocked;
  siginfo_t info{};
  if (!kernel::may_queue() || !kernel::take_pending(kSigpipe, &info)) return;
  if (kernel::has_raised(info) && info.si_errno == 0) info.si_errno = static_cast<int>(mark);
  kernel::queue_to_thread(info);
}

// A thread has room for one of its own, which is taken first: one that it sends itself is dropped where it has one.
bool was_sent_to_process() {
  const kernel::SignalsBlocked blocked;
  if (!kernel::may_queue()) return false;
  raise(Mark::nothing);
  siginfo_t info{};
  if (!kernel::take_pending(kSigpipe, &info)) return false;
  const bool is_there = is_pending();
  if (mark_of(info) != Mark::nothing) kernel::queue_to_thread(info);
  return is_there && mark_of(info) != Mark::none;
}

}  // namespace mask
