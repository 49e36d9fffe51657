// The ways in which a hook makes a call: flagged, written as a send, or guarded. Nearly every call works, so what that
// takes is here in a few instructions, and all else is apart, in functions that are cold.
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

// What a hook knows of its call. Its caller is asked for only where it is wanted, but must be asked for in the hook
// itself: hence ALWAYS_INLINE.
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
#define RARE [[gnu::cold, gnu::noinline]]

// The value waits in memory for a call to be over: a register would have to be saved and restored each time.
ALWAYS_INLINE void keep_in_memory(auto& value) { asm volatile("" : "+m"(value)); }

template <class What>
ALWAYS_INLINE Call known(const Hook<What>& hook) {
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
  unmask(call, state, result);
  return result;
}

// A call that was left to the net has failed, or has not done all that it was asked for.
RARE void net_met(Call call, long result, bool raised);

template <class Real>
RARE auto guarded_rarely(Call call, Real real) {
  if (technique::uses(technique::mask)) return masked(call, real);
  thread.told = false;
  const auto outer = std::exchange(thread.hooked, Hooked(call.fd));
  const auto result = real();
  const bool raised = std::exchange(thread.hooked, outer).raised();
  net_met(call, result, raised);
  return result;
}

template <class What, class Real>
ALWAYS_INLINE auto left_to_net(const Hook<What>& hook, Real real) {
  What what = hook.what;
  keep_in_memory(what);
  thread.hooked = Hooked(hook.fd);
  const auto result = real();
  const auto hooked = std::exchange(thread.hooked, Hooked());
  if (hooked.raised_or_negative(result) || is_short(what, result)) [[unlikely]]
    net_met(known(Hook{hook.function, hooked.fd(), what}), result, hooked.raised());
  else
    runaway::stop();
  return result;
}

// A call that cannot carry a flag.
template <class What, class Real>
ALWAYS_INLINE auto guarded(const Hook<What>& hook, Real real) {
  if (!technique::has_settled_without(technique::mask) || !thread.hooked.none()) [[unlikely]]
    return guarded_rarely(known(hook), real);
  return left_to_net(hook, real);
}

// Flagged.

// Most calls that fail have met an EPIPE of which there is no more to do than to count it. False for all others.
ALWAYS_INLINE bool only_counted(int fd) {
  if (thread.silent_errno == nullptr || *thread.silent_errno != EPIPE || fd <= 2) return false;
  runaway::count(fd);
  return true;
}

// AX.25, X.25, RDS and their like refuse a flag that they do not know, before anything has happened.
inline bool refuses_flag() { return errno == EINVAL || errno == EOPNOTSUPP; }

template <class Real>
RARE auto flag_met(Call call, int flags, Real real, decltype(real(0)) result) {
  thread.errno_at = &errno;
  if (result >= 0) {
    runaway::stop();
    flag_met_short_count(call);
  } else if (errno == EPIPE) {
    flag_met_epipe(call);
  } else if (refuses_flag()) {
    return guarded_rarely(call, [=] { return real(flags); });
  }
  return result;
}

template <class Real>
RARE auto flagged_rarely(Call call, int flags, Real real) {
  const int added = static_cast<int>(technique::now() & technique::flag & ~static_cast<unsigned>(flags));
  if ((flags & MSG_NOSIGNAL) != 0) return real(flags);
  if (added == 0) return guarded_rarely(call, [=] { return real(flags); });
  const auto result = real(flags | added);
  if (result < 0 || call.asked.exceeds_messages(result)) return flag_met(call, flags, real, result);
  runaway::stop();
  return result;
}

// A call that can: `real` takes its flags.
template <class What, class Real>
ALWAYS_INLINE auto flagged(const Hook<What>& hook, int flags, Real real) {
  if (!technique::has_settled_on(technique::flag)) [[unlikely]]
    return flagged_rarely(known(hook), flags, real);
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
    return flag_met(known(Hook{hook.function, fd, what}), given, again, result);
  }
  runaway::stop();
  return result;
}

// Written.

// Up to here write(2) and send(2) look at the same bytes. Of more, send takes as many, and write may say EFAULT.
constexpr std::size_t kMostInOneCall = 0x7ffff000;

RARE ssize_t written_rarely(int fd, const void* buf, std::size_t n, const char* function, const void* caller);

// `error` is what errno was before.
RARE ssize_t write_met_error(Call call, const void* buf, std::size_t n, int error);

// A write: on a socket it is a send in other words, and ENOTSOCK the cheapest way to learn that it is none.
ALWAYS_INLINE ssize_t written(const Hook<Bytes>& hook, const void* buf, std::size_t n) {
  const fd::Hint hint = fd::hint(hook.fd);
  if (!technique::has_settled_without(technique::intricate) || !thread.hooked.none()) [[unlikely]]
    return written_rarely(hook.fd, buf, n, hook.function, __builtin_return_address(0));
  if (hint == fd::Hint::other) return left_to_net(hook, [=, fd = hook.fd] { return real::write(fd, buf, n); });
  if (hint != fd::Hint::socket || n > kMostInOneCall || thread.errno_at == nullptr) [[unlikely]]
    return written_rarely(hook.fd, buf, n, hook.function, __builtin_return_address(0));
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
    return write_met_error(known(Hook{hook.function, fd, Bytes{count}}), bytes, count, error);
  }
  runaway::stop();
  return result;
}
