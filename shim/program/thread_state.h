// What is remembered of this thread from one call to the next: all in one place, because to find it costs. Each may be
// stale, since a call may never return (siglongjmp, cancellation, a child of vfork that is killed): none decides who
// dies.
#pragma once

#include <signal.h>

#include <cstdint>

#include "system/kernel.h"

// EPIPEs in a row over one fd, with no success in between that a hook has seen.
struct Streak {
  unsigned length;
  int fd;
  unsigned look_at;            // the length at which the clock is read next
  unsigned sleep_ms;           // how long it was slowed down last
  int thread;                  // whose time has begun, as it was not over in a moment; 0: nobody's. A fork inherits it
  unsigned long long socket;   // which socket it was then: an fd is soon used again
  long long written;           // by this thread until then, as /proc counts it; -1: not known
  std::int64_t began, looked;  // CLOCK_MONOTONIC_COARSE, in ms
};

struct Thread {
  Streak streak;

  // Bytes of log lines that this thread has written, which /proc counts, too.
  long long logged;

  // The call over which a SIGPIPE has been raised, or left pending, that our handler does not meet as it returns. The
  // log alone asks for it.
  const char* raised_by;
  int raised_on;

  // That of ours, where it has called a handler of the program's: what that leaves pending is marked.
  std::uintptr_t handler_frame;

  // Where errno is, once it is known: to ask libc takes a call, and registers saved around it.
  const int* errno_at;
};
inline constinit thread_local Thread thread{};

// Whether the function with this frame is still to be returned to, perhaps by a signal handler. One that was left by
// siglongjmp, or by a child of vfork that is gone, has left its frame below ours. A handler's own stack lies anywhere,
// so there the frame is believed.
inline bool will_return_to(std::uintptr_t frame) {
  if (frame == 0) return false;
  if (frame > reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0))) return true;
  stack_t alternate{};
  kernel::call(SYS_sigaltstack, nullptr, &alternate);
  return (alternate.ss_flags & SS_ONSTACK) != 0;
}
