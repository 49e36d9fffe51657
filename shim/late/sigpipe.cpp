#include "late/sigpipe.h"

#include <cstring>

#include "program/disposition.h"
#include "program/policy.h"
#include "system/kernel.h"

namespace late::sigpipe {
namespace {

// As rt_sigaction(2) has it: libc's sigaction adds a flag and an address.
struct Action {
  std::uintptr_t handler;
  unsigned long flags;
  std::uintptr_t restorer;
  kernel::Signals mask;
};

bool same(const Action& left, const Action& right) {
  return left.handler == right.handler && left.flags == right.flags && left.restorer == right.restorer &&
         left.mask == right.mask;
}

Action now() {
  Action action{};
  kernel::call(SYS_rt_sigaction, SIGPIPE, nullptr, &action, sizeof action.mask);
  return action;
}

constinit Action before{};
constinit Action ours{};

}  // namespace

bool is_ignored() { return disposition::ignores(); }
bool has_handler() { return disposition::has_handler(); }

// A thread may set it meanwhile, past us: then that is what we come upon.
bool put_ours() {
  for (;;) {
    before = ours = now();
    if (!policy::has_handler_of_ours() || handler_stubs::stands()) return true;
    const struct sigaction program = handler_stubs::in_kernel();
    if (program.sa_handler == SIG_IGN) return true;
    const struct sigaction wanted =
        program.sa_handler == SIG_DFL ? handler_stubs::initial() : handler_stubs::to_kernel(program);
    if (wanted.sa_handler == program.sa_handler) return true;
    struct sigaction replaced {};
    if (real::sigaction(SIGPIPE, &wanted, &replaced) != 0) return false;
    ours = now();
    if (replaced.sa_handler == program.sa_handler) return true;
    real::sigaction(SIGPIPE, &replaced, nullptr);
  }
}

void take_ours_back() {
  if (same(now(), ours)) {
    kernel::call(SYS_rt_sigaction, SIGPIPE, &before, nullptr, sizeof before.mask);
  } else if (handler_stubs::stands()) {
    const struct sigaction program = handler_stubs::to_program(handler_stubs::in_kernel());
    real::sigaction(SIGPIPE, &program, nullptr);
  }
}

}  // namespace late::sigpipe
