// How a hook makes its call: with MSG_NOSIGNAL added (flagged), as a send (written), or unchanged (guarded). The
// success path is inlined; all else is in cold functions. A call on a live socket, file or pipe makes no system call of
// ours, and leaves errno alone. Nothing is kept across a call: it may never return. Safe wherever the replaced function
// is; the result is the kernel's.
#pragma once

#include <cerrno>
#include <string_view>

#include "guard/asked.h"
#include "guard/call.h"
#include "guard/runaway.h"
#include "program/fd.h"
#include "program/policy.h"
#include "program/thread_state.h"
#include "system/real.h"

// What a hook knows of its call before it is made.
template <class What>
struct Hook {
  const char* system_call;
  int fd;
  What what;

  Call over(const void* return_address) const { return {system_call, fd, what.bytes(), return_address}; }
};
template <class What>
Hook(const char*, int, What) -> Hook<What>;

// By which a function writes, as the handler finds it; its own name where it never raises SIGPIPE.
consteval const char* system_call_of(std::string_view function) {
#define FUNCTION(name, type, technique, by) \
  if (function == #name) return std::string_view(#by) == "never" ? #name : #by;
#include "functions.def"
  return nullptr;
}

#define CALL(fd, ...) \
  Hook { system_call_of(__func__), fd, asked(__VA_ARGS__) }
#define ALWAYS_INLINE [[gnu::always_inline]] inline
#define COLD [[gnu::cold, gnu::noinline]]

// Of the hook itself, into which all that asks for it is inlined.
#define RETURN_ADDRESS __builtin_return_address(0)

// The value waits in memory for a call to be over: a register would have to be saved and restored each time, in every
// hook and whether or not the value is wanted afterwards. It saves 1 to 8 instructions a call (cost_test counts them).
ALWAYS_INLINE void keep_in_memory(auto& value) { asm volatile("" : "+m"(value)); }

// Guarded.

template <class What, class Real>
auto masked(const Hook<What>& hook, const void* return_address, Real real) {
  mask::Masked state;
  mask::enter(state);
  const auto result = real();
  const bool failed = result < 0 && errno == EPIPE;
  if (failed || (result >= 0 && failed_or_short(hook.what, result))) {
    finish_masked(hook.over(return_address), state, failed);
  } else {
    mask::leave(state);
    if (result >= 0) runaway::stop();
  }
  return result;
}

// The call has failed, or may have met EPIPE behind what it has written.
template <class What>
COLD void on_unmasked_failure(Hook<What> hook, const void* return_address, long result) {
  if (result >= 0) {
    runaway::stop();
    on_short_count_unmasked(hook.over(return_address));
  } else if (errno == EPIPE) {
    on_epipe_unmasked(hook.over(return_address));
  }
}

// Left to our handler.
template <class What, class Real>
ALWAYS_INLINE auto unmasked(const Hook<What>& hook, Real real) {
  int fd = hook.fd;
  What what = hook.what;
  keep_in_memory(fd);
  keep_in_memory(what);
  const auto result = real();
  if (failed_or_short(what, result)) [[unlikely]]
    on_unmasked_failure(Hook{hook.system_call, fd, what}, RETURN_ADDRESS, result);
  else
    runaway::stop();
  return result;
}

template <class What, class Real>
COLD auto guarded_slow(Hook<What> hook, const void* return_address, Real real) {
  if (policy::uses(policy::masks)) return masked(hook, return_address, real);
  const auto result = real();
  if (failed_or_short(hook.what, result))
    on_unmasked_failure(hook, return_address, result);
  else
    runaway::stop();
  return result;
}

// A call by which the program itself asks for no signal. The policy finds libc's functions.
auto as_it_is(auto real) {
  policy::now();
  return real();
}

// A call that cannot carry a flag.
template <class What, class Real>
ALWAYS_INLINE auto guarded(const Hook<What>& hook, Real real) {
  if (!policy::surely_lacks(policy::masks)) [[unlikely]]
    return guarded_slow(hook, RETURN_ADDRESS, real);
  return unmasked(hook, real);
}

// Flagged.

// Most calls that fail have met an EPIPE that is only to be counted. False for all others.
ALWAYS_INLINE bool only_counted(int fd) {
  if (!policy::surely_uses(policy::counts_only) || thread.errno_at == nullptr || *thread.errno_at != EPIPE || fd <= 2)
    return false;
  runaway::count(fd);
  return true;
}

inline bool may_refuse_flags(int error) { return error == EINVAL || error == EOPNOTSUPP; }

template <class What, class Real>
COLD auto on_flagged_failure(Hook<What> hook, const void* return_address, int flags, Real real,
                             decltype(real(0)) result) {
  thread.errno_at = &errno;
  if (result >= 0) {
    runaway::stop();
    on_short_count_flagged(hook.over(return_address));
  } else if (errno == EPIPE) {
    on_epipe_flagged(hook.over(return_address));
  } else if (may_refuse_flags(errno) && !policy::makes_no_calls() && fd::refuses_flags(hook.fd)) {
    return guarded_slow(hook, return_address, [=] { return real(flags); });
  }
  return result;
}

template <class What, class Real>
COLD auto flagged_slow(Hook<What> hook, const void* return_address, int flags, Real real) {
  const bool adds_flag = policy::uses(policy::adds_flag);  // asked first: it finds libc's functions
  if (!adds_flag && (flags & MSG_NOSIGNAL) == 0) return guarded_slow(hook, return_address, [=] { return real(flags); });
  const auto result = real(flags | MSG_NOSIGNAL);
  if (!failed_or_short(hook.what, result)) {
    runaway::stop();
  } else if ((flags & MSG_NOSIGNAL) == 0) {
    return on_flagged_failure(hook, return_address, flags, real, result);
  }
  return result;
}

// A call that can: `real` takes its flags.
template <class What, class Real>
ALWAYS_INLINE auto flagged(const Hook<What>& hook, int flags, Real real) {
  if (!policy::surely_uses(policy::adds_flag)) [[unlikely]]
    return flagged_slow(hook, RETURN_ADDRESS, flags, real);
  int fd = hook.fd;
  int given = flags;
  What what = hook.what;
  Real again = real;
  keep_in_memory(fd);
  keep_in_memory(given);
  keep_in_memory(again);
  keep_in_memory(what);
  const auto result = real(flags | MSG_NOSIGNAL);
  // One that sends many messages reports how many it has sent before the one that failed.
  if (failed_or_short(what, result)) [[unlikely]] {
    if ((given & MSG_NOSIGNAL) != 0 || (result < 0 && only_counted(fd))) return result;
    return on_flagged_failure(Hook{hook.system_call, fd, what}, RETURN_ADDRESS, given, again, result);
  }
  runaway::stop();
  return result;
}

// Written.

// Up to here write(2) and send(2) look at the same bytes. Of more, send takes as many, and write may say EFAULT.
constexpr std::size_t kMostInOneCall = 0x7ffff000;

COLD ssize_t written_slow(Hook<Bytes> hook, const void* return_address, const void* buf);

// `error` is what errno was before.
COLD ssize_t on_write_failure(Hook<Bytes> hook, const void* return_address, const void* buf, int error);

// A write: on a socket it is a send in other words, and ENOTSOCK the cheapest way to learn that it is none.
ALWAYS_INLINE ssize_t written(const Hook<Bytes>& hook, const void* buf) {
  const fd::Hint hint = fd::hint(hook.fd);
  if (!policy::surely_lacks(policy::slow_write)) [[unlikely]]
    return written_slow(hook, RETURN_ADDRESS, buf);
  if (hint == fd::Hint::other)
    return unmasked(hook, [=, fd = hook.fd, n = hook.what.count] { return real::write(fd, buf, n); });
  if (hint != fd::Hint::socket || hook.what.count > kMostInOneCall || thread.errno_at == nullptr) [[unlikely]]
    return written_slow(hook, RETURN_ADDRESS, buf);
  int fd = hook.fd;
  int error = *thread.errno_at;
  const void* bytes = buf;
  std::size_t count = hook.what.count;
  keep_in_memory(fd);
  keep_in_memory(error);
  keep_in_memory(bytes);
  keep_in_memory(count);
  const ssize_t result = real::send(hook.fd, buf, hook.what.count, MSG_NOSIGNAL);
  if (result < 0) [[unlikely]] {
    if (only_counted(fd)) return result;
    return on_write_failure(Hook{hook.system_call, fd, Bytes{count}}, RETURN_ADDRESS, bytes, error);
  }
  runaway::stop();
  return result;
}
