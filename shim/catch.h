// The net: our SIGPIPE handler tells what the kernel raised over a socket from all other SIGPIPEs, and lets the thread
// live. The handler itself is disposition::arrived.
#pragma once

#include "technique.h"

namespace net {

// The call without a flag that a hook of this thread is making. Of a SIGPIPE over it the hook tells.
struct Hooked {
  int fd = -1;          // none
  bool raised = false;  // a SIGPIPE, although the call reports success
};
inline constinit thread_local Hooked hooked;

// The fd of this thread's last call that reported fewer bytes than it was asked for, or -1. If SIGPIPE is blocked, the
// call may have left one pending that nobody could mark.
inline constinit thread_local int short_count_fd = -1;

// Gets ready for seccomp: what the lowest 1,024 fds are is asked while it may be asked.
void get_ready_for_seccomp();

// The program enters seccomp by this call, which gives a negative number where it fails.
template <class Enter>
auto confined(Enter enter) {
  get_ready_for_seccomp();
  const unsigned before = technique::confine();
  const auto result = enter();
  if (result < 0) technique::in_use.store(before);
  return result;
}

}  // namespace net
