#include "program/disposition.h"

#include <atomic>
#include <cerrno>

#include "program/mask.h"
#include "program/policy.h"
#include "system/kernel.h"

namespace disposition {
namespace {

using handler_stubs::bits;

// sv_flags, and what they are called since.
enum : int { kOnStack = 1, kInterrupt = 2, kResetHand = 4 };

struct sigaction modern(const Sigvec& vec) {
  struct sigaction act {};
  act.sa_handler = vec.sv_handler;
  for (int sig = 1; sig <= 32; ++sig)
    if ((bits(vec.sv_mask) >> (sig - 1) & 1) != 0) sigaddset(&act.sa_mask, sig);
  act.sa_flags = static_cast<int>(((vec.sv_flags & kOnStack) != 0 ? bits(SA_ONSTACK) : 0) |
                                  ((vec.sv_flags & kInterrupt) == 0 ? bits(SA_RESTART) : 0) |
                                  ((vec.sv_flags & kResetHand) != 0 ? bits(SA_RESETHAND) : 0));
  return act;
}

Sigvec ancient(const struct sigaction& act) {
  unsigned mask = 0;
  for (int sig = 1; sig <= 32; ++sig)
    if (sigismember(&act.sa_mask, sig) == 1) mask |= 1U << (sig - 1);
  const auto has = [&](unsigned flag) { return (bits(act.sa_flags) & flag) != 0; };
  return {act.sa_handler, static_cast<int>(mask),
          (has(SA_ONSTACK) ? kOnStack : 0) | (has(SA_RESTART) ? 0 : kInterrupt) | (has(SA_RESETHAND) ? kResetHand : 0)};
}

constinit std::atomic<bool> signal_interrupts = false;

}  // namespace

int change(const struct sigaction* act, struct sigaction* old) {
  struct sigaction wanted {};
  if (act != nullptr && act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN) policy::learn(policy::has_handler);
  if (act != nullptr) wanted = policy::has_handler_of_ours() ? handler_stubs::to_kernel(*act) : *act;
  struct sigaction before {};
  const int result = real::sigaction(SIGPIPE, act != nullptr ? &wanted : nullptr, &before);
  if (result != 0) return result;
  before = handler_stubs::to_program(before);
  if (act != nullptr) handler_stubs::note_set(*act);
  if (old != nullptr) *old = before;  // which may be where `act` is
  return 0;
}

int change(const Sigvec* vec, Sigvec* old) {
  struct sigaction act {};
  if (vec != nullptr) act = modern(*vec);
  struct sigaction before {};
  const int result = change(vec != nullptr ? &act : nullptr, &before);
  if (result == 0 && old != nullptr) *old = ancient(before);
  return result;
}

static int assign(Handler handler, int flags, bool blocks_itself, Handler* old) {
  struct sigaction act {};
  act.sa_handler = handler;
  act.sa_flags = flags;
  if (blocks_itself) sigaddset(&act.sa_mask, SIGPIPE);
  struct sigaction before {};
  const int result = change(&act, &before);
  *old = before.sa_handler;
  return result;
}

Handler set(Handler handler, int flags, bool blocks_itself) {
  Handler old = SIG_ERR;
  if (handler == SIG_ERR)
    errno = EINVAL;
  else if (assign(handler, flags, blocks_itself, &old) != 0)
    old = SIG_ERR;
  return old;
}

int ignore() {
  Handler old;
  return assign(SIG_IGN, 0, false, &old);
}

int flags_of_signal() { return signal_interrupts.load() ? 0 : SA_RESTART; }

int interrupt(bool interrupts) {
  signal_interrupts.store(interrupts);
  struct sigaction act {};
  if (change(nullptr, &act) != 0) return -1;
  act.sa_flags = interrupts ? act.sa_flags & ~SA_RESTART : act.sa_flags | SA_RESTART;
  return change(&act, nullptr);
}

Handler set_or_hold(Handler handler) {
  constexpr auto kSigpipe = kernel::only(SIGPIPE);
  if (handler == SIG_HOLD) {
    mask::blocks_from_here();
    const bool held = (kernel::change_mask(SIG_BLOCK, kSigpipe) & kSigpipe) != 0;
    struct sigaction old {};
    change(nullptr, &old);
    return held ? SIG_HOLD : old.sa_handler;
  }
  Handler old;
  if (assign(handler, 0, false, &old) != 0) return SIG_ERR;
  return (kernel::change_mask(SIG_UNBLOCK, kSigpipe) & kSigpipe) != 0 ? SIG_HOLD : old;
}

static Handler in_view() { return handler_stubs::to_program(handler_stubs::in_kernel()).sa_handler; }

// The first process of a pid namespace is not killed by a default action.
bool kills(int pid) { return in_view() == SIG_DFL && pid != 1; }
bool ignores() { return in_view() == SIG_IGN; }
// Asked once: between two questions another thread may go from one of the others to the other.
bool has_handler() {
  const Handler handler = in_view();
  return handler != SIG_DFL && handler != SIG_IGN;
}

void changed_unseen() {
  policy::take_back(policy::armed);
  if (has_handler()) policy::learn(policy::has_handler);
}

void arm() {
  if (!policy::has_handler_of_ours()) return;
  if (handler_stubs::in_kernel().sa_handler != SIG_DFL) return;
  const struct sigaction ours = handler_stubs::initial();
  real::sigaction(SIGPIPE, &ours, nullptr);
}

}  // namespace disposition
