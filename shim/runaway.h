// A thread that gets EPIPE again and again from the same dead socket. Without the shim SIGPIPE would have ended it.
#pragma once

#include "thread.h"

namespace runaway {

// A write of this thread has succeeded. To store is less than to look and branch.
inline void stop() { thread.streak.length = 0; }

// One more EPIPE, with SIGPIPE not blocked. Acts, as NOSIGPIPE_RUNAWAY says, from NOSIGPIPE_RUNAWAY_AFTER of them on.
void count(int fd);

}  // namespace runaway
