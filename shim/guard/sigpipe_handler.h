// Our SIGPIPE handler, handler_stubs::on_sigpipe: a SIGPIPE that the kernel raised in this thread, as a system call
// returned, comes to nothing and the call returns EPIPE, unless it was written to a pipe that nobody reads. Any other
// SIGPIPE has the effect it has in the program's view.
#pragma once

#include <atomic>

#include "program/fd.h"
#include "program/policy.h"
#include "system/options.h"

namespace handler {

// A debugger stops at every SIGPIPE, so where one has come calls are masked from then on, until it has gone. Looks at
// most once a second, and only where SIGPIPE was met.
void look_for_tracer();

// The program sets a seccomp filter by this call; `is_refused` says so of its result. Of several threads that try at
// once the last one to be refused takes the fact back, if none was not; who was not, or comes upon one that was not as
// it does, learns it once more.
inline constinit std::atomic<int> entering = 0;
inline constinit std::atomic<bool> has_entered = false;
template <class Enter, class IsRefused>
auto enter_seccomp(Enter enter, IsRefused is_refused) {
  if (!policy::makes_no_calls()) fd::remember_pipes_alone();
  options::get();  // which reads a file, if it has not yet
  entering.fetch_add(1);
  policy::learn(policy::in_seccomp);
  const auto result = enter();
  if (!is_refused(result)) has_entered.store(true);
  if (entering.fetch_sub(1) == 1 && !has_entered.load()) policy::take_back(policy::in_seccomp);
  if (has_entered.load()) policy::learn(policy::in_seccomp);
  return result;
}

}  // namespace handler
