#include "program/handler_stubs.h"

#include <ucontext.h>

#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "program/mask.h"
#include "program/policy.h"
#include "system/kernel.h"
#include "system/options.h"

namespace handler_stubs {
namespace {

// A stub stands for a handler of the program (or SIG_DFL) and for those of its flags that ours must not have or may
// not lack: number = slot of the handler * 4 + set of flags. All other flags and sa_mask are in the kernel as the
// program gave them.
constexpr unsigned kHandlers = 22;
constexpr unsigned kFlagSets = 4;
constexpr unsigned kStubs = kHandlers * kFlagSets;
constexpr unsigned kOwnFlags[] = {SA_SIGINFO, SA_RESETHAND};

template <unsigned N>
void stub(int, siginfo_t* info, void* context) {
  on_sigpipe(N, info, context);
}

using Stub = void (*)(int, siginfo_t*, void*);
template <unsigned... N>
constexpr std::array<Stub, sizeof...(N)> all(std::integer_sequence<unsigned, N...>) {
  return {stub<N>...};
}
constexpr auto stubs = all(std::make_integer_sequence<unsigned, kStubs>());

// The handlers that the stubs stand for: SIG_DFL as it was at the start, SIG_DFL as the program has set it, one for
// each set of the flags that ours adds to it, and then handlers, which are entered once and never change. So what a
// stub means is true for ever, whoever still holds it.
constexpr unsigned kInitial = 0;
constexpr unsigned kDefault = 1;
constexpr unsigned kAddedToDefault[] = {SA_RESTART, SA_ONSTACK};
constexpr unsigned kFirst = kDefault + 4;
constexpr unsigned kForAnyHandler = kFirst + 3;  // the others are for those that cannot do without
constinit std::array<std::atomic<Handler>, kHandlers> handlers{};

// The sa_mask that the program has given with SIG_DFL: of no effect, but it may ask for it.
constinit std::atomic<kernel::Signals> mask_of_default = 0;
constexpr auto kBlockable = ~(kernel::only(SIGKILL) | kernel::only(SIGSTOP));  // as the kernel has it

kernel::Signals in(const sigset_t& set) {
  kernel::Signals signals;
  memcpy(&signals, &set, sizeof signals);
  return signals;
}

void put(kernel::Signals signals, sigset_t& set) { memcpy(&set, &signals, sizeof signals); }

constexpr unsigned kRestorer = 0x04000000;  // SA_RESTORER: set by libc, seen by whoever asks after something was set

Handler handler_of(unsigned stub) { return handlers[stub / kFlagSets].load(); }

// The flags of which the bits of `set` say that they are there, and back.
unsigned flags_in(unsigned set, const unsigned (&flags)[2]) {
  return ((set & 1) != 0 ? flags[0] : 0) | ((set & 2) != 0 ? flags[1] : 0);
}
unsigned set_of(const struct sigaction& act, const unsigned (&flags)[2]) {
  return ((bits(act.sa_flags) & flags[0]) != 0 ? 1U : 0) | ((bits(act.sa_flags) & flags[1]) != 0 ? 2U : 0);
}

bool is_default(unsigned slot) { return slot < kFirst; }

unsigned flags_of(unsigned stub) {
  const unsigned slot = stub / kFlagSets;
  const bool is_set = is_default(slot) && slot != kInitial;
  return flags_in(stub % kFlagSets, kOwnFlags) | (is_set ? flags_in(slot - kDefault, kAddedToDefault) : 0);
}

// kHandlers if there is no more room up to this one.
unsigned slot_of(const struct sigaction& act, unsigned end = kHandlers) {
  if (act.sa_handler == SIG_DFL) return kDefault + set_of(act, kAddedToDefault);
  for (unsigned slot = kFirst; slot < end; ++slot) {
    Handler there = nullptr;
    if (handlers[slot].compare_exchange_strong(there, act.sa_handler) || there == act.sa_handler) return slot;
  }
  return kHandlers;
}

// kStubs if it is none of ours.
unsigned stub_of(const struct sigaction& act) {
  unsigned stub = 0;
  while (stub < kStubs && stubs[stub] != act.sa_sigaction) ++stub;
  return stub;
}

// Ends the process as SIG_DFL does, with the original's siginfo. That does nothing to the first process of a pid
// namespace, and then, or where a sandbox lets none be raised, what stands in the kernel stays: another thread may meet
// a SIGPIPE meanwhile.
void die(const siginfo_t& info) {
  if (kernel::pid() == 1 || !kernel::may_raise()) return;
  struct sigaction fatal {};
  struct sigaction ours {};
  real::sigaction(SIGPIPE, &fatal, &ours);
  kernel::raise_again(info);
  // Another thread has set another disposition meanwhile, which stays; or a sandbox has only said that it was raised.
  if (in_kernel().sa_handler == SIG_DFL) real::sigaction(SIGPIPE, &ours, nullptr);
}

struct sigaction for_slot(unsigned slot, const struct sigaction& act) {
  struct sigaction ours = act;
  ours.sa_sigaction = stubs[slot * kFlagSets + set_of(act, kOwnFlags)];
  if (is_default(slot)) put(kernel::kAllButFaults, ours.sa_mask);
  // The default needs no stack of the program's, so it takes the alternate one where there is one. What it does not
  // end, the first process of a pid namespace, it interrupts as little as may be.
  ours.sa_flags = static_cast<int>((bits(act.sa_flags) & ~bits(SA_RESETHAND)) | bits(SA_SIGINFO) |
                                   (is_default(slot) ? flags_in(3, kAddedToDefault) : 0));
  return ours;
}

}  // namespace

// Where a handler returns to libc chooses: what was read back is for one with SA_SIGINFO, or for one without it, or
// i386's libc leaves it out.
struct sigaction to_kernel(const struct sigaction& given) {
  if (given.sa_handler == SIG_IGN) return given;
  struct sigaction act = given;
  act.sa_flags = static_cast<int>(bits(given.sa_flags) & ~kRestorer);
  const auto& options = options::get();
  // With SA_RESETHAND the kernel would put the deadly default in the place of a handler; and one that is blocked may be
  // pending with a mark of ours.
  const bool needs_stub = act.sa_handler == SIG_DFL || (bits(act.sa_flags) & bits(SA_RESETHAND)) != 0 ||
                          options.log != Log::none || options.handlers == Handlers::bypass ||
                          policy::knows(policy::may_block_sigpipe) || policy::uses(policy::masks);
  const unsigned slot = slot_of(act, needs_stub ? kHandlers : kForAnyHandler);
  if (slot < kHandlers) return for_slot(slot, act);
  // The kernel resets it, and then no handler of ours stands.
  if ((bits(act.sa_flags) & bits(SA_RESETHAND)) != 0) policy::take_back(policy::armed);
  return act;
}

void note_set(const struct sigaction& act) {
  if (act.sa_handler == SIG_DFL) mask_of_default.store(in(act.sa_mask) & kBlockable);
}

struct sigaction initial() {
  return for_slot(kInitial, {});
}

struct sigaction to_program(const struct sigaction& ours) {
  const unsigned stub = stub_of(ours);
  if (stub == kStubs) return ours;
  const unsigned slot = stub / kFlagSets;
  const unsigned added =
      bits(SA_SIGINFO) | (is_default(slot) ? flags_in(3, kAddedToDefault) : 0) | (slot == kInitial ? kRestorer : 0);
  struct sigaction act = ours;
  act.sa_handler = handler_of(stub);
  if (act.sa_handler == SIG_DFL) put(slot == kInitial ? 0 : mask_of_default.load(), act.sa_mask);
  if (slot == kInitial) act.sa_restorer = nullptr;
  act.sa_flags = static_cast<int>((bits(ours.sa_flags) & ~added) | flags_of(stub));
  return act;
}

struct sigaction in_kernel() {
  struct sigaction ours {};
  real::sigaction(SIGPIPE, nullptr, &ours);
  return ours;
}

static bool is_same(const struct sigaction& one, const struct sigaction& other) {
  return one.sa_handler == other.sa_handler && in(one.sa_mask) == in(other.sa_mask) &&
         ((bits(one.sa_flags) ^ bits(other.sa_flags)) & ~kRestorer) == 0;
}

// Ours has taken the place of what another thread has set meanwhile: that comes back, or what was set since.
static void put_back(struct sigaction theirs, struct sigaction ours) {
  struct sigaction found {};
  while (real::sigaction(SIGPIPE, &theirs, &found) == 0 && !is_same(found, ours)) {
    ours = theirs;
    theirs = found;
  }
}

// SA_RESETHAND: the first to be called resets. False where another thread was faster, and the default is due.
static bool reset(unsigned stub) {
  const struct sigaction now = in_kernel();
  if (stub_of(now) != stub) return to_program(now).sa_handler != SIG_DFL;
  struct sigaction wanted = to_program(now);
  wanted.sa_handler = SIG_DFL;
  const struct sigaction ours = for_slot(slot_of(wanted), wanted);
  struct sigaction before {};
  real::sigaction(SIGPIPE, &ours, &before);
  if (stub_of(before) == stub) {
    note_set(wanted);
    return true;
  }
  put_back(before, ours);
  return to_program(before).sa_handler != SIG_DFL;
}

bool stands() { return stub_of(in_kernel()) < kStubs; }

bool stands_for_default() {
  const unsigned stub = stub_of(in_kernel());
  return stub < kStubs && !stands_for_handler(stub);
}

bool hides_marks() {
  policy::learn(policy::may_block_sigpipe);  // from here on whatever is set has a stub
  for (;;) {
    const struct sigaction now = in_kernel();
    if (now.sa_handler == SIG_IGN || stub_of(now) < kStubs) return true;
    const struct sigaction ours = to_kernel(now);
    if (now.sa_handler == SIG_DFL || stub_of(ours) == kStubs) return false;
    struct sigaction before {};
    real::sigaction(SIGPIPE, &ours, &before);
    if (is_same(before, now)) return true;
    put_back(before, ours);  // another thread has set another: then that is asked about
  }
}

bool stands_for_handler(unsigned stub) { return handler_of(stub) != SIG_DFL; }

// The alternate stack that a handler has set is to stay, behind a frame of ours, too. Its flags, as the kernel keeps
// them and shows them to each later handler, are not what it answers.
static void keep_stack(stack_t& restored) {
  constexpr unsigned kDisarms = 1U << 31;  // SS_AUTODISARM
  stack_t now{};
  kernel::call(SYS_sigaltstack, nullptr, &now);
  now.ss_flags &= ~SS_ONSTACK;
  const bool differs = ((bits(now.ss_flags) ^ bits(restored.ss_flags)) & kDisarms) != 0;
  if (differs || now.ss_sp != restored.ss_sp || now.ss_size != restored.ss_size) restored = now;
}

void deliver(unsigned stub, siginfo_t* info, void* context) {
  const Handler handler = handler_of(stub);
  if ((flags_of(stub) & bits(SA_RESETHAND)) != 0 && handler != SIG_DFL && !reset(stub))
    return on_sigpipe(kDefault * kFlagSets, info, context);
  mask::unmark(*info);
  if (handler == SIG_DFL) return die(*info);
  const bool wants_siginfo = (flags_of(stub) & bits(SA_SIGINFO)) != 0;
  struct sigaction program {};
  program.sa_handler = handler;
  arch::call(program.sa_sigaction, SIGPIPE, info, context, wants_siginfo);
  if (arch::kHasOldFrame && !wants_siginfo && !policy::makes_no_calls())
    keep_stack(static_cast<ucontext_t*>(context)->uc_stack);
}

}  // namespace handler_stubs
