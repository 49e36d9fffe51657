// The net: our SIGPIPE handler tells what the kernel raised over a socket from all other SIGPIPEs, and lets the thread
// live. The handler itself is disposition::arrived.
#pragma once

namespace net {

// The fd of the call without a flag that a hook of this thread is making, or -1. Of an EPIPE on it the hook tells.
inline constinit thread_local int hooked_fd = -1;

}  // namespace net
