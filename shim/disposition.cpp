#include "disposition.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include "kernel.h"
#include "mask.h"
#include "technique.h"

namespace disposition {
namespace {

// A front stands for a handler of the program (or SIG_DFL) and for those of its flags that ours must not have or may
// not lack. All other flags and sa_mask are in the kernel as the program gave them.
constexpr unsigned kHandlers = 16;
constexpr unsigned kFlagSets = 8;
constexpr unsigned kFronts = kHandlers * kFlagSets;
constexpr unsigned kOwnFlags[] = {SA_SIGINFO, SA_RESETHAND, SA_ONSTACK};

template <unsigned N>
void front(int, siginfo_t* info, void* context) {
  arrived(N, info, context);
}

using Front = void (*)(int, siginfo_t*, void*);
constexpr auto fronts = []<unsigned... N>(std::integer_sequence<unsigned, N...>) {
  return std::array<Front, kFronts>{front<N>...};
}
(std::make_integer_sequence<unsigned, kFronts>());

// The handlers that the fronts stand for. The first is SIG_DFL; the others are entered once and never change, so what
// a front means is true for ever.
constinit std::array<std::atomic<Handler>, kHandlers> handlers{};

Handler handler_of(unsigned front) { return handlers[front / kFlagSets].load(); }

unsigned flags_of(unsigned front) {
  unsigned flags = 0;
  for (unsigned i = 0; i < std::size(kOwnFlags); ++i)
    if ((front >> i & 1) != 0) flags |= kOwnFlags[i];
  return flags;
}

// kHandlers if there is no more room.
unsigned place_of(Handler handler) {
  if (handler == SIG_DFL) return 0;
  for (unsigned place = 1; place < kHandlers; ++place) {
    Handler there = nullptr;
    if (handlers[place].compare_exchange_strong(there, handler) || there == handler) return place;
  }
  return kHandlers;
}

// kFronts if it is none of ours.
unsigned front_of(const struct sigaction& act) {
  unsigned front = 0;
  while (front < kFronts && fronts[front] != act.sa_sigaction) ++front;
  return front;
}

constexpr unsigned bits(auto flags) { return static_cast<unsigned>(flags); }

struct sigaction to_kernel(const struct sigaction& act) {
  if (act.sa_handler == SIG_IGN) return act;
  const unsigned place = place_of(act.sa_handler);
  if (place == kHandlers) {
    technique::lose_net();
    return act;
  }
  unsigned front = place * kFlagSets;
  for (unsigned i = 0; i < std::size(kOwnFlags); ++i)
    if ((bits(act.sa_flags) & kOwnFlags[i]) != 0) front |= 1U << i;
  struct sigaction ours = act;
  ours.sa_sigaction = fronts[front];
  // The default needs no stack of the program's, so it takes the alternate one where there is one.
  ours.sa_flags = static_cast<int>((bits(act.sa_flags) & ~bits(SA_RESETHAND)) | bits(SA_SIGINFO) |
                                   (place == 0 ? bits(SA_ONSTACK) : 0));
  return ours;
}

struct sigaction to_program(const struct sigaction& ours) {
  const unsigned front = front_of(ours);
  if (front == kFronts) return ours;
  struct sigaction act = ours;
  act.sa_handler = handler_of(front);
  act.sa_flags = static_cast<int>((bits(ours.sa_flags) & ~bits(SA_SIGINFO | SA_ONSTACK)) | flags_of(front));
  return act;
}

struct sigaction in_kernel() {
  struct sigaction ours {};
  real::sigaction(SIGPIPE, nullptr, &ours);
  return ours;
}

// SA_RESETHAND: the first to be called resets. False where another thread was faster, or has set something else.
bool reset(unsigned front) {
  struct sigaction ours = in_kernel();
  if (front_of(ours) != front) return false;
  const unsigned to = front % kFlagSets;
  ours.sa_sigaction = fronts[to];
  ours.sa_flags = static_cast<int>(bits(ours.sa_flags) | bits(SA_ONSTACK));
  struct sigaction before {};
  real::sigaction(SIGPIPE, &ours, &before);
  if (front_of(before) == front) return true;
  real::sigaction(SIGPIPE, &before, nullptr);
  return false;
}

// Ends the process as SIG_DFL does, with the original's siginfo.
void die(const siginfo_t& info) {
  struct sigaction fatal {};
  struct sigaction ours {};
  real::sigaction(SIGPIPE, &fatal, &ours);
  kernel::queue_to_thread(info);
  kernel::change_mask(SIG_UNBLOCK, kernel::only(SIGPIPE));
  // Only the first process of a pid namespace gets here: no default action kills it.
  real::sigaction(SIGPIPE, &ours, nullptr);
}

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
  if (!technique::uses(technique::net)) return real::sigaction(SIGPIPE, act, old);
  struct sigaction wanted {};
  if (act != nullptr) wanted = to_kernel(*act);
  struct sigaction before {};
  const int result = real::sigaction(SIGPIPE, act != nullptr ? &wanted : nullptr, &before);
  if (result == 0 && old != nullptr) *old = to_program(before);
  return result;
}

int change(const Sigvec* vec, Sigvec* old) {
  struct sigaction act {};
  if (vec != nullptr) act = modern(*vec);
  struct sigaction before {};
  const int result = change(vec != nullptr ? &act : nullptr, &before);
  if (result == 0 && old != nullptr) *old = ancient(before);
  return result;
}

Handler set(Handler handler, int flags, bool blocks_itself) {
  if (handler == SIG_ERR) {
    errno = EINVAL;
    return SIG_ERR;
  }
  struct sigaction act {};
  act.sa_handler = handler;
  act.sa_flags = flags;
  if (blocks_itself) sigaddset(&act.sa_mask, SIGPIPE);
  struct sigaction old {};
  return change(&act, &old) == 0 ? old.sa_handler : SIG_ERR;
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
    const bool held = (kernel::change_mask(SIG_BLOCK, kSigpipe) & kSigpipe) != 0;
    struct sigaction old {};
    change(nullptr, &old);
    return held ? SIG_HOLD : old.sa_handler;
  }
  const Handler old = set(handler, 0, false);
  if (old == SIG_ERR) return SIG_ERR;
  return (kernel::change_mask(SIG_UNBLOCK, kSigpipe) & kSigpipe) != 0 ? SIG_HOLD : old;
}

bool kills() { return to_program(in_kernel()).sa_handler == SIG_DFL; }

bool has_handler() {
  const Handler handler = to_program(in_kernel()).sa_handler;
  return handler != SIG_DFL && handler != SIG_IGN;
}

void arm() {
  if (!technique::uses(technique::net)) return;
  const struct sigaction there = in_kernel();
  if (there.sa_handler != SIG_DFL) return;
  const struct sigaction ours = to_kernel(there);
  real::sigaction(SIGPIPE, &ours, nullptr);
}

bool stands_for_handler(unsigned front) { return handler_of(front) != SIG_DFL; }

void deliver(unsigned front, siginfo_t* info, void* context) {
  info->si_errno = 0;
  const Handler handler = handler_of(front);
  if (handler == SIG_DFL || ((flags_of(front) & bits(SA_RESETHAND)) != 0 && !reset(front))) return die(*info);
  struct sigaction program {};
  program.sa_handler = handler;
  if ((flags_of(front) & bits(SA_SIGINFO)) != 0)
    program.sa_sigaction(SIGPIPE, info, context);
  else
    program.sa_handler(SIGPIPE);
}

}  // namespace disposition
