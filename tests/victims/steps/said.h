// What a program made of steps says: a line a step, by instructions of its own and to a number that no step touches. No
// hook sees them, and no step is disturbed.
#pragma once

#include <signal.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "victims/system_call.h"

namespace steps {

constexpr int kSaidTo = 900;  // standard output, as it was at the start
using Signals = std::uint64_t;
constexpr Signals kSigpipe = Signals{1} << (SIGPIPE - 1);

inline char line[8192];
inline size_t line_length = 0;
inline int depth = 0;  // of processes

// Handlers say what they find, too.
[[gnu::format(printf, 1, 2)]] inline void note(const char* format, ...) {
  const int error = errno;
  va_list list;
  va_start(list, format);
  const int length = vsnprintf(line + line_length, sizeof line - line_length, format, list);
  va_end(list);
  if (length > 0)
    line_length = line_length + static_cast<size_t>(length) < sizeof line ? line_length + static_cast<size_t>(length)
                                                                          : sizeof line - 1;
  errno = error;
}

template <class... Arguments>
long raw(long number, Arguments... arguments) {
  const long all[6] = {(long)arguments...};  // pointers and numbers alike
  return system_call(number, all[0], all[1], all[2], all[3], all[4], all[5]);
}

// Without the two that libc keeps for itself, and blocks as it likes.
inline Signals mask() {
  constexpr Signals kOfLibc = Signals{3} << 31;
  Signals signals = 0;
  raw(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &signals, sizeof signals);
  return signals & ~kOfLibc;
}
inline bool is_blocked() { return (mask() & kSigpipe) != 0; }
inline bool is_pending() {
  Signals signals = 0;
  raw(SYS_rt_sigpending, &signals, sizeof signals);
  return (signals & kSigpipe) != 0;
}

inline void end_line() {
  stack_t stack{};
  raw(SYS_sigaltstack, nullptr, &stack);
  note(" | mask %llx%s%s\n", static_cast<unsigned long long>(mask()), is_pending() ? " pending" : "",
       (stack.ss_flags & SS_DISABLE) != 0 ? "" : " stack");
  raw(SYS_write, kSaidTo, line, line_length);
  line_length = 0;
}

inline void note_result(long result) {
  const int error = errno;
  note(" %ld %d", result, error);
}
inline void forget_errno() { errno = 77; }

}  // namespace steps
