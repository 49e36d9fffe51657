#include "program/handler_stubs.h"

#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "program/mask.h"
#include "program/policy.h"
#include "system/kernel.h"

namespace front {
namespace {

// A front stands for a handler of the program (or SIG_DFL) and for those of its flags that ours must not have or may
// not lack. All other flags and sa_mask are in the kernel as the program gave them.
constexpr unsigned kHandlers = 16;
constexpr unsigned kFlagSets = 8;
constexpr unsigned kFronts = kHandlers * kFlagSets;
constexpr unsigned kOwnFlags[] = {SA_SIGINFO, SA_RESETHAND, SA_ONSTACK};

template <unsigned N>
void stand_in(int, siginfo_t* info, void* context) {
  arrived(N, info, context);
}

using Front = void (*)(int, siginfo_t*, void*);
template <unsigned... N>
constexpr std::array<Front, sizeof...(N)> all(std::integer_sequence<unsigned, N...>) {
  return {stand_in<N>...};
}
constexpr auto fronts = all(std::make_integer_sequence<unsigned, kFronts>());

// The handlers that the fronts stand for: SIG_DFL as it was at the start, SIG_DFL as the program has set it, and then
// handlers, which are entered once and never change. So what a front means is true for ever.
constexpr unsigned kInitial = 0;
constexpr unsigned kDefault = 1;
constinit std::array<std::atomic<Handler>, kHandlers> handlers{};

// Signals that libc keeps to itself, for cancellation and setuid. One that comes as our handler begins must not run
// off with the thread from there, with SIGPIPE blocked. (No sigaddset knows them.)
constexpr kernel::Signals kOfLibc = kernel::only(32) | kernel::only(33);

kernel::Signals in(const sigset_t& set) {
  kernel::Signals signals;
  memcpy(&signals, &set, sizeof signals);
  return signals;
}

void put(kernel::Signals signals, sigset_t& set) { memcpy(&set, &signals, sizeof signals); }

constexpr unsigned kRestorer = 0x04000000;  // SA_RESTORER: set by libc, seen by whoever asks after something was set

Handler handler_of(unsigned front) { return handlers[front / kFlagSets].load(); }

unsigned flags_of(unsigned front) {
  unsigned flags = 0;
  for (unsigned i = 0; i < std::size(kOwnFlags); ++i)
    if ((front >> i & 1) != 0) flags |= kOwnFlags[i];
  return flags;
}

// kHandlers if there is no more room.
unsigned place_of(Handler handler) {
  if (handler == SIG_DFL) return kDefault;
  for (unsigned place = kDefault + 1; place < kHandlers; ++place) {
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

// Ends the process as SIG_DFL does, with the original's siginfo.
void die(const siginfo_t& info) {
  struct sigaction fatal {};
  struct sigaction ours {};
  real::sigaction(SIGPIPE, &fatal, &ours);
  kernel::queue_to_thread(info);
  kernel::change_mask(SIG_UNBLOCK, kernel::only(SIGPIPE));
  kernel::call(SYS_tgkill, kernel::pid(), kernel::tid(), SIGPIPE);  // where a sandbox refuses to queue
  // Only the first process of a pid namespace gets here: no default action kills it.
  real::sigaction(SIGPIPE, &ours, nullptr);
}

struct sigaction for_place(unsigned place, const struct sigaction& act) {
  unsigned front = place * kFlagSets;
  for (unsigned i = 0; i < std::size(kOwnFlags); ++i)
    if ((bits(act.sa_flags) & kOwnFlags[i]) != 0) front |= 1U << i;
  struct sigaction ours = act;
  ours.sa_sigaction = fronts[front];
  if (place <= kDefault) put(in(ours.sa_mask) | kOfLibc, ours.sa_mask);
  // The default needs no stack of the program's, so it takes the alternate one where there is one.
  ours.sa_flags = static_cast<int>((bits(act.sa_flags) & ~bits(SA_RESETHAND)) | bits(SA_SIGINFO) |
                                   (place <= kDefault ? bits(SA_ONSTACK) : 0));
  return ours;
}

}  // namespace

struct sigaction to_kernel(const struct sigaction& act) {
  if (act.sa_handler == SIG_IGN) return act;
  const unsigned place = place_of(act.sa_handler);
  if (place < kHandlers) return for_place(place, act);
  technique::doubt_net();
  return act;
}

struct sigaction initial() {
  return for_place(kInitial, {});
}

struct sigaction to_program(const struct sigaction& ours) {
  const unsigned front = front_of(ours);
  if (front == kFronts) return ours;
  const unsigned added = bits(SA_SIGINFO | SA_ONSTACK) | (front / kFlagSets == kInitial ? kRestorer : 0);
  struct sigaction act = ours;
  act.sa_handler = handler_of(front);
  if (act.sa_handler == SIG_DFL) put(in(ours.sa_mask) & ~kOfLibc, act.sa_mask);
  act.sa_flags = static_cast<int>((bits(ours.sa_flags) & ~added) | flags_of(front));
  return act;
}

struct sigaction in_kernel() {
  struct sigaction ours {};
  real::sigaction(SIGPIPE, nullptr, &ours);
  return ours;
}

// SA_RESETHAND: the first to be called resets. False where another thread was faster, and the default is due.
static bool reset(unsigned front) {
  const struct sigaction now = in_kernel();
  if (front_of(now) != front) return to_program(now).sa_handler != SIG_DFL;
  const struct sigaction ours = for_place(kDefault, to_program(now));
  struct sigaction before {};
  real::sigaction(SIGPIPE, &ours, &before);
  if (front_of(before) == front) return true;
  real::sigaction(SIGPIPE, &before, nullptr);
  return to_program(before).sa_handler != SIG_DFL;
}

bool stands_for_handler(unsigned front) { return handler_of(front) != SIG_DFL; }

void deliver(unsigned front, siginfo_t* info, void* context) {
  mask::unmark(*info);
  const Handler handler = handler_of(front);
  if (handler == SIG_DFL || ((flags_of(front) & bits(SA_RESETHAND)) != 0 && !reset(front))) return die(*info);
  struct sigaction program {};
  program.sa_handler = handler;
  program.sa_sigaction(SIGPIPE, info, context);  // the kernel, too, gives all three to whom has not asked for them
}

}  // namespace front
