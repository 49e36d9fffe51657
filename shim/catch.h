// The net: our SIGPIPE handler tells what the kernel raised over a socket from all other SIGPIPEs, and lets the thread
// live. The handler itself is disposition::arrived.
#pragma once

#include "technique.h"

namespace net {

// The fd of the call without a flag that a hook of this thread is making, or -1. Of an EPIPE on it the hook tells.
inline constinit thread_local int hooked_fd = -1;

// Gets ready for seccomp: what the lowest 1,024 fds are is asked while it may be asked.
void get_ready_for_seccomp();

// The program enters seccomp by this call, which gives 0 where it succeeds.
template <class Enter>
auto confined(Enter enter) {
  get_ready_for_seccomp();
  const unsigned before = technique::confine();
  const auto result = enter();
  if (result != 0) technique::in_use.store(before);
  return result;
}

}  // namespace net
