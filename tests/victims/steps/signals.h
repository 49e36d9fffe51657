// Steps that send SIGPIPE, take what is pending, and wait for other signals.
#pragma once

#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "victims/steps/masks.h"

namespace steps {

// A child that its parent may not see gone keeps no socket open.
inline void close_all() {
  constexpr long kCloseRange = 436;  // close_range(2), everywhere; older headers have none
  raw(kCloseRange, 0, ~0U, 0);
}

// To this thread, or to the process. What a child does it has done when it is gone.
constexpr int kWaysToSend = 9;
inline void sends(int how) {
  const auto thread = static_cast<pid_t>(raw(SYS_gettid));
  siginfo_t info{};
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  if (is_blocked() && is_pending() && resets_itself()) return note(" is left open");
  if (is_blocked() && how < 5) raised(Pending::other);
  forget_errno();
  switch (how) {
    case 0:
      note(" %d", raise(SIGPIPE));
      break;
    case 1:
      note(" %d", pthread_kill(pthread_self(), SIGPIPE));
      break;
    case 2:
      note(" %ld", syscall(SYS_tgkill, getpid(), thread, SIGPIPE));
      break;
    case 3:
      note(" %ld", syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, SIGPIPE, &info));
      break;
    case 4:
      note(" %ld", syscall(SYS_tkill, thread, SIGPIPE));
      break;
    case 5:
      note(" %d", kill(getpid(), SIGPIPE));
      break;
    case 6:
      note(" %d", sigqueue(getpid(), SIGPIPE, sigval{6}));
      break;
    case 7:
      note(" %ld", syscall(SYS_kill, getpid(), SIGPIPE));
      break;
    default: {
      const pid_t child = static_cast<pid_t>(raw(SYS_clone, SIGCHLD, 0, 0, 0, 0));
      if (child == 0) {
        close_all();
        raw(SYS_kill, raw(SYS_getppid), SIGPIPE);
        raw(SYS_exit_group, 0);
      }
      int status = 0;
      while (waitpid(child, &status, 0) == -1) {
      }
      note(" %d", status);
    }
  }
}

inline void note_taken(const siginfo_t& info) {
  note(" code %d %d %s", info.si_code, info.si_errno, info.si_pid == getpid() ? "own" : "other");
}

constexpr int kWaysToTake = 5;
inline void takes(int how) {
  const sigset_t only = set_of({SIGPIPE});
  const timespec at_once{};
  if (!is_blocked()) return;
  const bool is_there = is_pending();
  siginfo_t info{};
  int signal = 0;
  forget_errno();
  switch (how) {
    case 0:
      if (is_there) note(" %d %d", sigwait(&only, &signal), signal);
      break;
    case 1:
      if (is_there) note(" %d", sigwaitinfo(&only, &info)), note_taken(info);
      break;
    case 2:
      note(" %d", sigtimedwait(&only, &info, &at_once)), note_taken(info);
      break;
    case 3:
      note(" %d", sigtimedwait(&only, nullptr, &at_once));
      break;
    default: {
      const int fd = signalfd(-1, &only, SFD_NONBLOCK);
      signalfd_siginfo read_info{};
      note(" %d", static_cast<int>(raw(SYS_read, fd, &read_info, sizeof read_info)));
      note(" code %d", read_info.ssi_code);
      raw(SYS_close, fd);
    }
  }
  if (is_there) pending = Pending::none;
  note_result(0);
}

// Waits that another signal ends. SIGPIPE is as it was in them.
inline void ends_a_wait(int) { note(" woken mask %llx", static_cast<unsigned long long>(mask())); }

constexpr int kWaysToWait = 4;
inline void waits(int how) {
  struct sigaction act {};
  act.sa_handler = ends_a_wait;
  sigaction(SIGUSR1, &act, nullptr);
  const Signals usr1 = Signals{1} << (SIGUSR1 - 1), before = change_mask(SIG_BLOCK, usr1);
  Signals inside = before & ~usr1;
  raw(SYS_tgkill, getpid(), raw(SYS_gettid), SIGUSR1);
  sigset_t set;
  sigemptyset(&set);
  memcpy(&set, &inside, sizeof inside);
  forget_errno();
  const timespec second{1, 0};
  switch (how) {
    case 0:
      note_result(sigsuspend(&set));
      break;
    case 1:
      note_result(ppoll(nullptr, 0, &second, &set));
      break;
    case 2:
      note_result(pselect(0, nullptr, nullptr, nullptr, &second, &set));
      break;
    default: {
      change_mask(SIG_SETMASK, inside);
      note_result(0);
    }
  }
  change_mask(SIG_SETMASK, before);
}

// By a child: stopped, and gone on.
inline void stops() {
  const pid_t parent = getpid(), child = static_cast<pid_t>(raw(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (child == 0) {
    close_all();
    raw(SYS_kill, parent, SIGSTOP);
    raw(SYS_kill, parent, SIGCONT);
    raw(SYS_exit_group, 0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) == -1) {
  }
  note(" %d", status);
}

}  // namespace steps
