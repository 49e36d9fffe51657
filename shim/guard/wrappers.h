// How a hook makes its call: with MSG_NOSIGNAL added (flagged), as a send (written), or unchanged (guarded). The
// success path is inlined; all else is in cold functions. A call on a live socket, file or pipe makes no system call of
// ours, and leaves errno alone. Safe wherever the replaced function is; the result is the kernel's.
#pragma once

#include <cerrno>
#include <concepts>
#include <utility>

#include "guard/call.h"
#include "guard/runaway.h"
#include "guard/sigpipe_handler.h"
#include "program/fd.h"
#include "program/policy.h"
#include "program/thread_state.h"
#include "system/real.h"

// What a hook knows of its call. The return address is asked for only where it is wanted, but it must be asked for in
// the hook itself: hence ALWAYS_INLINE.
template <class What>
struct Hook {
  const char* function;
  int fd;
  What what;
};
template <class What>
Hook(const char*, int, What) -> Hook<What>;

#define CALL(fd, ...) \
  Hook { __func__, fd, asked(__VA_ARGS__) }
#define ALWAYS_INLINE [[gnu::always_inline]] inline
#define COLD [[gnu::cold, gnu::noinline]]

// The value waits in memory for a call to be over: a register would have to be saved and restored each time, in every
// hook and whether or not the value is wanted afterwards. It saves 1 to 8 instructions a call (cost_test counts them).
ALWAYS_INLINE void keep_in_memory(auto& value) { asm volatile("" : "+m"(value)); }

template <class What>
ALWAYS_INLINE Call make_call(const Hook<What>& hook) {
  return {hook.function, hook.fd, __builtin_return_address(0), hook.what};
}

// Whether less was done than asked for, as far as that says something.
ALWAYS_INLINE bool is_short(Bytes asked, ssize_t done) { return static_cast<std::size_t>(done) < asked.count; }
ALWAYS_INLINE bool is_short(Messages asked, int done) { return static_cast<unsigned>(done) < asked.count; }
ALWAYS_INLINE bool is_short(Vector, auto) { return false; }
ALWAYS_INLINE bool is_short(Message, auto) { return false; }

// Guarded.

template <class Real>
auto masked(const Call& call, Real real) {
  mask::Masked state;
  mask::enter(state);
  const auto result = real();
  finish_masked(call, state, result);
  return result;
}

// A call that was left to the handler has failed, has not done all that it was asked for, or has `raised` SIGPIPE.
COLD void on_unmasked_failure(Call call, long result, bool raised);

template <class Real>
COLD auto guarded_slow(Call call, Real real) {
  if (policy::uses(policy::masks)) return masked(call, real);
  thread.logged = false;
  const auto outer = std::exchange(thread.hooked, Hooked(call.fd));
  const auto result = real();
  const bool raised = std::exchange(thread.hooked, outer).raised();
  on_unmasked_failure(call, result, raised);
  return result;
}

// Left to our handler: while it runs it finds in `hooked` that this call is ours.
template <class What, class Real>
ALWAYS_INLINE auto unmasked(const Hook<What>& hook, Real real) {
  What what = hook.what;
  keep_in_memory(what);
  thread.hooked = Hooked(hook.fd);
  const auto result = real();
  const auto hooked = std::exchange(thread.hooked, Hooked());
  if (hooked.raised_or_negative(result) || is_short(what, result)) [[unlikely]]
    on_unmasked_failure(make_call(Hook{hook.function, hooked.fd(), what}), result, hooked.raised());
  else
    runaway::stop();
  return result;
}

// A call that cannot carry a flag.
template <class What, class Real>
ALWAYS_INLINE auto guarded(const Hook<What>& hook, Real real) {
  if (!policy::surely_lacks(policy::masks) || !thread.hooked.none()) [[unlikely]]
    return guarded_slow(make_call(hook), real);
  return unmasked(hook, real);
}

// Flagged.

// Most calls that fail have met an EPIPE that is only to be counted. False for all others.
ALWAYS_INLINE bool only_counted(int fd) {
  if (thread.silent_errno == nullptr || *thread.silent_errno != EPIPE || fd <= 2) return false;
  runaway::count(fd);
  return true;
}

// AX.25, X.25, RDS and their like refuse a flag that they do not know, before anything has happened.
inline bool refuses_flag() { return errno == EINVAL || errno == EOPNOTSUPP; }

template <class Real>
COLD auto on_flagged_failure(Call call, int flags, Real real, decltype(real(0)) result) {
  thread.errno_at = &errno;
  if (result >= 0) {
    runaway::stop();
    on_short_count_flagged(call);
  } else if (errno == EPIPE) {
    on_epipe_flagged(call);
  } else if (refuses_flag()) {
    return guarded_slow(call, [=] { return real(flags); });
  }
  return result;
}

template <class Real>
COLD auto flagged_slow(Call call, int flags, Real real) {
  const bool adds_flag = policy::uses(policy::adds_flag);  // asked first: it finds libc's functions
  if ((flags & MSG_NOSIGNAL) != 0) return real(flags);
  if (!adds_flag) return guarded_slow(call, [=] { return real(flags); });
  const auto result = real(flags | MSG_NOSIGNAL);
  if (result < 0 || call.asked.exceeds_messages(result)) return on_flagged_failure(call, flags, real, result);
  runaway::stop();
  return result;
}

// A call that can: `real` takes its flags.
template <class What, class Real>
ALWAYS_INLINE auto flagged(const Hook<What>& hook, int flags, Real real) {
  if (!policy::surely_uses(policy::adds_flag)) [[unlikely]]
    return flagged_slow(make_call(hook), flags, real);
  int fd = hook.fd;
  int given = flags;
  What what = hook.what;
  Real again = real;
  keep_in_memory(fd);
  keep_in_memory(given);
  keep_in_memory(again);
  keep_in_memory(what);
  const auto result = real(flags | MSG_NOSIGNAL);
  constexpr bool kMany = std::same_as<What, Messages>;
  // One that sends many messages reports how many it has sent before the one that failed.
  if (result < 0 || (kMany && is_short(what, result))) [[unlikely]] {
    if ((given & MSG_NOSIGNAL) != 0 || (result < 0 && only_counted(fd))) return result;
    return on_flagged_failure(make_call(Hook{hook.function, fd, what}), given, again, result);
  }
  runaway::stop();
  return result;
}

// Written.

// Up to here write(2) and send(2) look at the same bytes. Of more, send takes as many, and write may say EFAULT.
constexpr std::size_t kMostInOneCall = 0x7ffff000;

COLD ssize_t written_slow(int fd, const void* buf, std::size_t n, const char* function, const void* return_address);

// `error` is what errno was before.
COLD ssize_t on_write_failure(Call call, const void* buf, std::size_t n, int error);

// A write: on a socket it is a send in other words, and ENOTSOCK the cheapest way to learn that it is none.
ALWAYS_INLINE ssize_t written(const Hook<Bytes>& hook, const void* buf, std::size_t n) {
  const fd::Hint hint = fd::hint(hook.fd);
  if (!policy::surely_lacks(policy::slow_write) || !thread.hooked.none()) [[unlikely]]
    return written_slow(hook.fd, buf, n, hook.function, __builtin_return_address(0));
  if (hint == fd::Hint::other) return unmasked(hook, [=, fd = hook.fd] { return real::write(fd, buf, n); });
  if (hint != fd::Hint::socket || n > kMostInOneCall || thread.errno_at == nullptr) [[unlikely]]
    return written_slow(hook.fd, buf, n, hook.function, __builtin_return_address(0));
  int fd = hook.fd;
  int error = *thread.errno_at;
  const void* bytes = buf;
  std::size_t count = n;
  keep_in_memory(fd);
  keep_in_memory(error);
  keep_in_memory(bytes);
  keep_in_memory(count);
  const ssize_t result = real::send(hook.fd, buf, n, MSG_NOSIGNAL);
  if (result < 0) [[unlikely]] {
    if (only_counted(fd)) return result;
    return on_write_failure(make_call(Hook{hook.function, fd, Bytes{count}}), bytes, count, error);
  }
  runaway::stop();
  return result;
}
