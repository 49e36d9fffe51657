// The net: our SIGPIPE handler tells what the kernel raised over a socket from all other SIGPIPEs, and lets the thread
// live. The handler itself is disposition::arrived.
#pragma once

#include "program/policy.h"
#include "program/thread_state.h"

namespace net {

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
