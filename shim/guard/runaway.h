// A thread that gets EPIPE again and again from the same dead socket. Without the shim SIGPIPE would have ended it.
#pragma once

#include "program/thread_state.h"

namespace runaway {

constexpr unsigned kFewest = 10;  // EPIPEs, before the clock is read

// A write of this thread has succeeded. To store is less than to look and branch.
inline void stop() { thread.streak.length = 0; }

void look(int fd);

// One more, on another fd. 0, 1 and 2 count as one, as they are one socket in an inetd-style server. The kernel is not
// asked: the number before may be another thread's by now, and while it is looked at, a close of it is not complete.
void count_on_another(int fd);

// One more EPIPE, with SIGPIPE not blocked. Most sockets have but one, and it costs nothing here. A thread that has had
// nothing else for NOSIGPIPE_RUNAWAY_AFTER seconds, ten at least, is dealt with as NOSIGPIPE_RUNAWAY says: this may
// sleep for 100 ms, or raise SIGPIPE. errno is left alone.
inline void count(int fd) {
  auto& streak = thread.streak;
  if (streak.fd != fd) [[unlikely]]
    return count_on_another(fd);  // the last thing done, so that a hook has nothing to keep for afterwards
  if (++streak.length == 1)
    streak.look_at = kFewest;
  else if (streak.length >= streak.look_at)
    look(fd);
}

}  // namespace runaway
