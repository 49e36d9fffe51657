// Steps that block and unblock SIGPIPE, by every function that does.
#pragma once

#include "victims/steps/dispositions.h"

namespace steps {

inline sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

constexpr int kWaysToBlock = 9;
inline void blocks(int how) {
  const sigset_t only = set_of({SIGPIPE}), two = set_of({SIGPIPE, SIGUSR2});
  sigset_t all, old{};
  sigfillset(&all);
  sigdelset(&all, SIGUSR1);
  forget_errno();
  switch (how) {
    case 0:
      note(" %d", sigprocmask(SIG_BLOCK, &only, &old));
      break;
    case 1:
      note(" %d", pthread_sigmask(SIG_BLOCK, &two, nullptr));
      break;
    case 2:
      note(" %d", sigprocmask(SIG_SETMASK, &all, &old));
      break;
    case 3:
      note(" %d", pthread_sigmask(SIG_SETMASK, &only, &old));
      break;
    case 4:
      note(" %d", sigblock(static_cast<int>(kSigpipe)));
      break;
    case 5:
      note(" %d", sigsetmask(static_cast<int>(kSigpipe)));
      break;
    case 6:
      note(" %d", sighold(SIGPIPE));
      break;
    case 7:
      note(" was %s", name_of(sigset(SIGPIPE, SIG_HOLD)));
      break;
    default:
      if (!blocked_once) return note(" not yet");
      note(" %ld", inline_call(SYS_rt_sigprocmask, SIG_BLOCK, &kSigpipe, nullptr, sizeof kSigpipe));
  }
  blocked_once = true;
  note_result(sigismember(&old, SIGPIPE));
}

constexpr int kWaysToUnblock = 8;
inline void unblocks(int how) {
  const sigset_t only = set_of({SIGPIPE}), none = set_of({}), another = set_of({SIGUSR2});
  sigset_t old{};
  before_unblocking();
  forget_errno();
  switch (how) {
    case 0:
      note(" %d", sigprocmask(SIG_UNBLOCK, &only, &old));
      break;
    case 1:
      note(" %d", pthread_sigmask(SIG_UNBLOCK, &only, nullptr));
      break;
    case 2:
      note(" %d", sigprocmask(SIG_SETMASK, &none, &old));
      break;
    case 3:
      note(" %d", pthread_sigmask(SIG_SETMASK, &another, &old));
      break;
    case 4:
      note(" %d", sigsetmask(0));
      break;
    case 5:
      note(" %d", sigrelse(SIGPIPE));
      break;
    case 6:
      note(" %ld", inline_call(SYS_rt_sigprocmask, SIG_UNBLOCK, &kSigpipe, nullptr, sizeof kSigpipe));
      break;
    default:
      note(" %ld", syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &kSigpipe, nullptr, sizeof kSigpipe));
  }
  note_result(sigismember(&old, SIGPIPE));
}

}  // namespace steps
