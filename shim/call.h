// One call of the program under way: what is known of it, the technique that keeps it safe, and what follows an EPIPE.
// The result is the program's, untouched, and errno is what the call has left.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <utility>

#include "catch.h"
#include "fd.h"
#include "mask.h"
#include "real.h"
#include "runaway.h"
#include "technique.h"

// How many bytes a call was asked to write, counted only when somebody wants to know: what the program passed is not
// to be read before the kernel has found that it can be.
class Asked {
 public:
  Asked(std::size_t bytes) : count_(bytes), what_(What::bytes) {}
  Asked(const iovec* iov, std::integral auto count)
      : vector_(iov), count_(static_cast<std::size_t>(count)), what_(What::vector) {}
  Asked(const msghdr* message) : message_(message), what_(What::message) {}
  std::size_t bytes() const;
  bool exceeds(long result) const { return what_ == What::bytes && static_cast<std::size_t>(result) < count_; }

 private:
  enum class What { bytes, vector, message };
  union {
    const iovec* vector_ = nullptr;
    const msghdr* message_;
  };
  std::size_t count_ = 0;
  What what_;
};

struct Call {
  const char* function;
  int fd;
  const void* caller;
  Asked asked;
};

#define CALL(fd, ...) \
  Call { __func__, fd, __builtin_return_address(0), Asked(__VA_ARGS__) }

// The call came back with EPIPE: does what the kernel would have done beyond that, and tells.
void flag_met_epipe(const Call& call);

// A sendmmsg that has sent some messages, and not all.
void flag_met_short_count(const Call& call);
void net_met_epipe(const Call& call);

// The call reports what it has written, and has raised SIGPIPE all the same: tells.
void net_met_success(const Call& call);

// Ends a masked call: takes back what it has raised, restores the mask, and tells.
void unmask(const Call& call, mask::Masked& masked, long result);

template <class Real>
auto masked(const Call& call, Real real) {
  mask::Masked state;
  mask::enter(state);
  const auto result = real();
  unmask(call, state, result);
  return result;
}

// A call that cannot carry a flag.
template <class Real>
auto guarded(const Call& call, Real real) {
  if (technique::uses(technique::mask)) [[unlikely]]
    return masked(call, real);
  const auto outer = std::exchange(net::hooked, {call.fd});
  const auto result = real();
  const bool raised = std::exchange(net::hooked, outer).raised;
  if (result >= 0) [[likely]] {
    runaway::stop();
    if (call.asked.exceeds(result)) net::short_count_fd = call.fd;
    if (raised) [[unlikely]]
      net_met_success(call);
  } else if (errno == EPIPE) {
    net_met_epipe(call);
  }
  return result;
}

// AX.25, X.25, RDS and their like refuse a flag that they do not know, before anything has happened.
inline bool refuses_flag() { return errno == EINVAL || errno == EOPNOTSUPP; }

// A call that can: `real` takes its flags.
template <class Real>
auto flagged(const Call& call, int flags, Real real) {
  const int added = static_cast<int>(technique::now() & technique::flag & ~static_cast<unsigned>(flags));
  if (added == 0) return (flags & MSG_NOSIGNAL) != 0 ? real(flags) : guarded(call, [&] { return real(flags); });
  const auto result = real(flags | added);
  if (result >= 0) [[likely]]
    runaway::stop();
  else if (errno == EPIPE)
    flag_met_epipe(call);
  else if (refuses_flag())
    return guarded(call, [&] { return real(flags); });
  return result;
}

// One that sends many messages reports how many it has sent before the one that failed.
template <class Real>
int flagged_many(const Call& call, unsigned count, int flags, Real real) {
  const int sent = flagged(call, flags, real);
  const bool short_count = sent > 0 && static_cast<unsigned>(sent) < count;
  if (short_count && (flags & MSG_NOSIGNAL) == 0 && technique::uses(technique::flag) &&
      !technique::uses(technique::confined)) [[unlikely]]
    flag_met_short_count(call);
  return sent;
}

// Up to here write(2) and send(2) look at the same bytes. Of more, send takes as many, and write may say EFAULT.
constexpr std::size_t kMostInOneCall = 0x7ffff000;

// A write: on a socket it is a send in other words, and ENOTSOCK the cheapest way to learn that it is none.
inline ssize_t written(const Call& call, const void* buf, std::size_t n) {
  const auto write = [&] { return real::write(call.fd, buf, n); };
  const unsigned technique = technique::now();
  const bool known_other = (technique & technique::trust_hints) != 0 && fd::others.has(call.fd);
  if ((technique & technique::write_is_send) == 0 || known_other || n > kMostInOneCall) return guarded(call, write);
  const int error = errno;
  const ssize_t result = real::send(call.fd, buf, n, MSG_NOSIGNAL);
  if (result >= 0) [[likely]] {
    fd::sockets.add(call.fd);
    runaway::stop();
    return result;
  }
  if (errno == EPIPE) flag_met_epipe(call);
  if (errno != ENOTSOCK && !refuses_flag()) return result;
  if (errno == ENOTSOCK) fd::remember_other(call.fd);
  errno = error;
  return guarded(call, write);
}
