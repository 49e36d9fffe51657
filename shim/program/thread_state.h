// What is remembered of this thread from one call to the next: all in one place, because to find it costs. Each may be
// stale, since a call may never return (siglongjmp, cancellation, a child of vfork that is killed): none decides who
// dies.
#pragma once

#include <cstdint>

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

  // Ours has called a handler of the program's: what that leaves pending is marked.
  bool in_handler;

  // Where errno is, once it is known: to ask libc takes a call, and registers saved around it.
  const int* errno_at;
};
inline constinit thread_local Thread thread{};
