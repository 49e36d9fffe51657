// How much a call was asked to write. What the program passed is looked at for the log alone, and after the call: it is
// not to be read before the kernel has found that it can be.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "log/event.h"
#include "log/log.h"
#include "program/policy.h"
#include "system/kernel.h"

// A handler of the program's, called for this call, may have unmapped it meanwhile.
inline bool may_look_at(const void* address, std::size_t size) {
  return logging::wanted() && !policy::makes_no_calls() &&
         kernel::can_read(reinterpret_cast<std::uintptr_t>(address), size);
}

struct Bytes {
  std::size_t count;
  std::size_t bytes() const { return count; }
};

struct Vector {
  const iovec* iov;
  std::size_t count;
  std::size_t bytes() const {
    constexpr std::size_t kMost = 1024;  // UIO_MAXIOV: the kernel takes no more
    if (count > kMost || !may_look_at(iov, count * sizeof *iov)) return event::kNotKnown;
    std::size_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += iov[i].iov_len;
    return sum;
  }
};

struct Message {
  const msghdr* message;
  std::size_t bytes() const {
    if (!may_look_at(message, sizeof *message)) return event::kNotKnown;
    return Vector{message->msg_iov, message->msg_iovlen}.bytes();
  }
};

// The first of them; the messages that follow it have bytes of their own.
struct Messages {
  const mmsghdr* messages;
  unsigned count;
  std::size_t bytes() const { return Message{&messages->msg_hdr}.bytes(); }
};

// Bytes that are written in several pieces, between which the peer may leave.
struct Pieces {
  std::size_t count;
  std::size_t bytes() const { return count; }
};

inline Bytes asked(std::size_t count) { return {count}; }
inline Vector asked(const iovec* iov, std::integral auto count) { return {iov, static_cast<std::size_t>(count)}; }
inline Message asked(const msghdr* message) { return {message}; }
inline Messages asked(const mmsghdr* messages, unsigned count) { return {messages, count}; }
inline Pieces asked(Pieces pieces) { return pieces; }

// Whether a call has failed, or may have raised SIGPIPE although it has not.
template <class What>
constexpr bool failed_or_short(const What&, long result) {
  return result < 0;
}
constexpr bool failed_or_short(const Pieces& asked, long done) {
  return static_cast<std::size_t>(done) != asked.count || done < 0;
}
// One test: of 64 bits -1 is no count of 32.
constexpr bool failed_or_short(const Messages& asked, int done) {
  return static_cast<std::uint64_t>(std::int64_t{done}) != asked.count;
}
