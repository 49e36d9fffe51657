// Steps that set SIGPIPE's disposition, by every function and to every handler, and that look at it.
#pragma once

#include <dlfcn.h>
#include <setjmp.h>
#include <ucontext.h>

#include "victims/steps/puts.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // whoever is old calls them

namespace steps {

inline thread_local sigjmp_buf* leaving = nullptr;  // where a handler that jumps goes on

inline bool is_on_alternate_stack() {
  stack_t stack{};
  raw(SYS_sigaltstack, nullptr, &stack);
  return (stack.ss_flags & SS_ONSTACK) != 0;
}

inline void note_call(const char* handler) {
  note(" %s%s mask %llx", handler, is_on_alternate_stack() ? " on its stack" : "",
       static_cast<unsigned long long>(mask()));
}

// The kernel puts the signal's number into a register, too, where a program may look for it.
#ifdef __i386__
#define FROM_REGISTERS __attribute__((regparm(3)))
#else
#define FROM_REGISTERS
#endif
FROM_REGISTERS inline void counts(int signal) {
  note_call("counts");
  note(" %d", signal);
}
inline void tells(int signal, siginfo_t* info, void* context) {
  note_call("tells");
  note(" %x %d %d %d %s %d", static_cast<ucontext_t*>(context)->uc_stack.ss_flags, signal, info->si_code,
       info->si_errno, info->si_pid == getpid() ? "own" : "other",
       info->si_code == SI_QUEUE ? info->si_value.sival_int : 0);
}
inline void jumps(int) {
  note_call("jumps");
  if (leaving == nullptr) return;
  sigjmp_buf* const to = leaving;
  leaving = nullptr;
  has_jumped = true;
  siglongjmp(*to, 1);
}
inline void writes(int);

using Handler = void (*)(int);
enum What { kDefault, kIgnore, kCounts, kTells, kJumps, kWrites, kWhats };
inline Handler handlers(int what) {
  static const Handler all[] = {SIG_DFL,
                                SIG_IGN,
                                reinterpret_cast<Handler>(reinterpret_cast<void*>(counts)),
                                reinterpret_cast<Handler>(reinterpret_cast<void*>(tells)),
                                jumps,
                                writes};
  return all[what];
}
inline const char* name_of(Handler handler) {
  static const char* const names[] = {"default", "ignore", "counts", "tells", "jumps", "writes"};
  for (int what = 0; what < kWhats; ++what)
    if (handlers(what) == handler) return names[what];
  return handler == SIG_ERR ? "error" : handler == SIG_HOLD ? "hold" : "?";
}

// Of two that are pending it is open which one finds the handler, and which one the default.
inline bool resets_itself() {
  struct sigaction now {};
  sigaction(SIGPIPE, nullptr, &now);
  return (static_cast<unsigned>(now.sa_flags) & SA_RESETHAND) != 0;
}

// A child of vfork may have given the default another sa_mask: of no effect, and kept in the memory of both.
inline bool has_vforked = false;

inline void note_action(const struct sigaction& act) {
  Signals blocked;
  memcpy(&blocked, &act.sa_mask, sizeof blocked);
  if (has_vforked && act.sa_handler == SIG_DFL) blocked = 0;
  note(" %s %x %llx%s", name_of(act.sa_handler), static_cast<unsigned>(act.sa_flags),
       static_cast<unsigned long long>(blocked), act.sa_restorer != nullptr ? " restorer" : "");
}

inline void looks() {
  struct sigaction now {};
  note(" %d", sigaction(SIGPIPE, nullptr, &now));
  note_action(now);
}

constexpr unsigned kFlags[] = {0U,
                               SA_RESTART,
                               SA_RESETHAND,
                               SA_NODEFER,
                               SA_ONSTACK,
                               SA_RESETHAND | SA_NODEFER,
                               SA_ONSTACK | SA_RESETHAND,
                               SA_NOCLDSTOP | 0x400 | 0x800 | 0x20000000};
constexpr int kFlagSets = static_cast<int>(std::size(kFlags));

struct KernelAction {
  Handler handler;
  unsigned long flags;
  void (*restorer)();
  Signals mask;
};

// The restorer is libc's, which is found where libc has put it.
inline long set_by_number_of(Handler handler, unsigned flags) {
  KernelAction libc_has{}, wanted{};
  struct sigaction any {};
  any.sa_handler = handlers(kCounts);
  sigaction(SIGUSR2, &any, nullptr);
  raw(SYS_rt_sigaction, SIGUSR2, nullptr, &libc_has, sizeof wanted.mask);
  wanted = {handler, flags | (libc_has.flags & 0x04000000UL), libc_has.restorer, 0};
  forget_errno();
  return syscall(SYS_rt_sigaction, SIGPIPE, &wanted, nullptr, sizeof wanted.mask);
}

enum How { kSigaction, kSignal, kSysvSignal, kSigset, kSigignore, kSiginterrupt, kByNumber, kRefused, kHows };

// Of the first three handlers of a program what they send is told apart (README, Limits).
inline unsigned handlers_set = 0;
inline bool is_one_of_three = true;

inline void is_set(int what, bool by_number = false) {
  if (what == kIgnore) pending = Pending::none;  // what was pending is gone
  set_by_number = by_number;
  if (what < kCounts || by_number) return;
  is_one_of_three = (handlers_set & 1U << what) != 0 || __builtin_popcount(handlers_set) < 3;
  if (is_one_of_three) handlers_set |= 1U << what;
}

inline void sets(int how, int what, int flags) {
  forget_errno();
  const Handler handler = handlers(what);
  const bool resets = how == kSysvSignal || ((how == kSigaction || what == kTells || how == kByNumber) &&
                                             (kFlags[flags] & SA_RESETHAND) != 0);
  if (resets && is_blocked() && is_pending()) return note(" is left open");
  if (how == kSigaction || what == kTells) {  // which wants a siginfo
    struct sigaction wanted {
    }, old{};
    wanted.sa_handler = handler;
    wanted.sa_flags = static_cast<int>(kFlags[flags] | (what == kTells ? SA_SIGINFO : 0U));
    if (flags % 2 == 1) sigaddset(&wanted.sa_mask, SIGUSR2), sigaddset(&wanted.sa_mask, SIGKILL);
    note(" %d", sigaction(SIGPIPE, &wanted, &old));
    note(" was");
    note_action(old);
    return is_set(what);
  }
  if (how == kSignal) note(" was %s", name_of(signal(SIGPIPE, handler))), is_set(what);
  if (how == kSysvSignal) note(" was %s", name_of(__sysv_signal(SIGPIPE, handler))), is_set(what);
  if (how == kSigset) {
    before_unblocking(what == kDefault  ? Disposition::killed
                      : what == kIgnore ? Disposition::ignored
                                        : Disposition::handled);
    note(" was %s", name_of(sigset(SIGPIPE, handler)));
    is_set(what);
  }
  if (how == kSigignore) note(" %d", sigignore(SIGPIPE)), is_set(kIgnore);
  if (how == kSiginterrupt) {
    note(" %d", siginterrupt(SIGPIPE, flags % 2));
    set_by_number = false;
  }
  if (how == kByNumber && pending == Pending::none && !is_pending_elsewhere && !is_confined) {
    note(" %ld", set_by_number_of(handler, kFlags[flags]));
    is_set(what, true);
  }
  if (how == kRefused) note(" was %s", name_of(signal(SIGPIPE, SIG_ERR)));
  note_result(0);
}

}  // namespace steps
