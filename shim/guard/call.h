// One call of the program under way: what is known of it, and what follows an EPIPE. None of the functions here changes
// the result or errno; each may write a line to the log, queue a SIGPIPE to this thread, or end a runaway.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <concepts>
#include <cstddef>

#include "program/mask.h"

// How many bytes a call was asked to write, counted only when somebody wants to know: what the program passed is not
// to be read before the kernel has found that it can be.
struct Bytes {
  std::size_t count;
};
struct Vector {
  const iovec* iov;
  std::size_t count;
};
struct Message {
  const msghdr* message;
};
struct Messages {
  const mmsghdr* messages;
  unsigned count;
};

inline Bytes asked(std::size_t count) { return {count}; }
inline Vector asked(const iovec* iov, std::integral auto count) { return {iov, static_cast<std::size_t>(count)}; }
inline Message asked(const msghdr* message) { return {message}; }
inline Messages asked(const mmsghdr* messages, unsigned count) { return {messages, count}; }

class Asked {
 public:
  Asked(Bytes asked) : count_(asked.count), what_(What::bytes) {}
  Asked(Vector asked) : at_(asked.iov), count_(asked.count), what_(What::vector) {}
  Asked(Message asked) : at_(asked.message), what_(What::message) {}
  Asked(Messages asked) : at_(asked.messages), count_(asked.count), what_(What::messages) {}
  std::size_t bytes() const;
  bool exceeds_bytes(long done) const { return what_ == What::bytes && static_cast<std::size_t>(done) < count_; }
  bool exceeds_messages(long done) const { return what_ == What::messages && static_cast<std::size_t>(done) < count_; }

 private:
  enum class What { bytes, vector, message, messages };
  const void* at_ = nullptr;
  std::size_t count_ = 0;
  What what_;
};

struct Call {
  const char* function;
  int fd;
  const void* return_address;
  Asked asked;
};

// The call came back with EPIPE: does what the kernel would have done beyond that, and logs.
void on_epipe_flagged(const Call& call);
void on_epipe_unhandled(const Call& call);

// The handler has been here: so the fd is in scope, and the program does not block SIGPIPE. It may have `logged`.
void on_epipe_handled(const Call& call, bool logged);

// A sendmmsg that has sent some messages, and not all.
void on_short_count_flagged(const Call& call);

// The call reports what it has written, and has raised SIGPIPE all the same: logs.
void on_success_handled(const Call& call);

// Ends a masked call: takes back what it has raised, restores the mask, and logs.
void finish_masked(const Call& call, mask::Masked& masked, long result);
