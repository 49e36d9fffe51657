// A thread that gets EPIPE again and again from the same dead socket. Without the shim SIGPIPE would have ended it.
#pragma once

namespace runaway {

struct Streak {
  unsigned length;  // EPIPEs in a row, same fd, no success in between
  int fd;
  unsigned long long socket;  // which socket it was half-way: an fd is soon used again
  unsigned sleep_ms;
};
inline constinit thread_local Streak streak{};

// A write of this thread has succeeded.
inline void stop() {
  if (streak.length != 0) [[unlikely]]
    streak.length = 0;
}

// One more EPIPE, with SIGPIPE not blocked. Acts, as NOSIGPIPE_RUNAWAY says, from NOSIGPIPE_RUNAWAY_AFTER of them on.
void count(int fd);

}  // namespace runaway
