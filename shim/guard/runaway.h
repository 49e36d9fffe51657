// A thread that gets EPIPE again and again from the same dead socket. Without the shim SIGPIPE would have ended it.
#pragma once

#include <atomic>

#include "program/thread_state.h"

namespace runaway {

// A write of this thread has succeeded. To store is less than to look and branch.
inline void stop() { thread.streak.length = 0; }

// So many in a row are only counted. None, until the options are known.
inline constinit std::atomic<unsigned> looks_from = 1;
void look(int fd);

// One more EPIPE, with SIGPIPE not blocked. Acts, as NOSIGPIPE_RUNAWAY says, from NOSIGPIPE_RUNAWAY_AFTER of them on:
// may sleep for 100 ms, or raise SIGPIPE. errno stays EPIPE.
inline void count(int fd) {
  auto& streak = thread.streak;
  if (streak.fd != fd) streak.length = 0;
  streak.fd = fd;
  if (++streak.length >= looks_from.load(std::memory_order_relaxed)) [[unlikely]]
    look(fd);
}

}  // namespace runaway
