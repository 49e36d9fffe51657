// What is remembered of this thread from one call to the next: all in one place, because to find it costs.
#pragma once

// The call without a flag that a hook of this thread is making. A SIGPIPE over it is logged by the hook.
class Hooked {
 public:
  constexpr Hooked() = default;  // none
  explicit Hooked(int fd) : bits_(static_cast<unsigned>(fd) + 1) {}
  int fd() const { return static_cast<int>(bits_ & ~kRaised) - 1; }
  bool none() const { return bits_ == 0; }

  // A SIGPIPE came that our handler knows to be this call's.
  void raise() { bits_ |= kRaised; }
  bool raised() const { return (bits_ & kRaised) != 0; }

  // In one test: the call has failed, or a SIGPIPE came.
  bool raised_or_negative(long result) const { return (static_cast<long>(static_cast<int>(bits_)) | result) < 0; }

 private:
  static constexpr unsigned kRaised = 1U << 31;
  unsigned bits_ = 0;
};

// EPIPEs in a row, same fd, no success in between.
struct Streak {
  unsigned length;
  int fd;
  unsigned long long socket;  // which socket it was half-way: an fd is soon used again
  unsigned sleep_ms;
};

struct Thread {
  Hooked hooked;
  bool logged;  // our handler has logged already what `hooked` has raised
  Streak streak;

  // The fd of the last call that reported fewer bytes than it was asked for, or -1. If SIGPIPE is blocked, the call may
  // have left one pending that nobody could mark.
  int short_count_fd;

  // SIGPIPE was found not to be blocked, and no function that could block it has been called since.
  bool unblocked;

  // Where errno is, once it is known: to ask libc takes a call, and registers saved around it.
  const int* errno_at;

  // The same, as long as an EPIPE that the flag has made silent is only to be counted in this thread: SIGPIPE is not
  // blocked, there is no log, and no handler to be called.
  const int* silent_errno;
};
inline constinit thread_local Thread thread{{}, false, {}, -1, false, nullptr, nullptr};
