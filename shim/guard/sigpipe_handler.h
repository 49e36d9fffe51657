// Our SIGPIPE handler, handler_stubs::on_sigpipe: if the kernel raised the SIGPIPE over a socket, the thread goes on
// and its call returns EPIPE; any other SIGPIPE has the effect it has in the program's view.
#pragma once

#include "program/policy.h"
#include "program/thread_state.h"

namespace handler {

// Asks what the lowest 1,024 fds are, while it may be asked: 1,024 system calls.
void get_ready_for_seccomp();

// The program sets a seccomp filter by this call, which gives a negative number where it fails.
template <class Enter>
auto enter_seccomp(Enter enter) {
  get_ready_for_seccomp();
  const auto before = policy::enter_seccomp();
  const auto result = enter();
  if (result < 0) policy::leave_seccomp(before);
  return result;
}

}  // namespace handler
