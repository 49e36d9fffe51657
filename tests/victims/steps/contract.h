// What the shim promises, by the kernel's own means: where a SIGPIPE over a socket would kill, the call is made with
// SIGPIPE blocked and what it has raised is taken, so that it comes to nothing. All else is left to the kernel.
//
// Who runs under the shim does nothing of it.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "victims/steps/said.h"

namespace steps {

// By the shim; deliver: by us where SIGPIPE would kill; bypass: where the program has a handler, too; by nobody.
enum class Contract { none, deliver, bypass, nobody };
inline Contract contract = Contract::none;

// By what a call is made: a function that the shim replaces, syscall(2), or something else that it does not see.
enum class By { hook, number, unseen };

// Where the SIGPIPE that is pending in this thread came from; it is the first that came.
enum class Pending { none, socket, other };
inline thread_local Pending pending = Pending::none;
inline bool is_pending_elsewhere = false;  // in a thread that waits for this one

// The program has set it by a system call of its own: then a handler of the shim's is gone (README, Limits).
inline bool set_by_number = false;
// A function that blocks SIGPIPE was called: until then a thread that blocks it otherwise finds nothing (Limits).
inline bool blocked_once = false;
inline bool is_confined = false;

enum class Disposition { killed, ignored, handled };
inline Disposition disposition() {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void* restorer;
    Signals mask;
  } now{};
  raw(SYS_rt_sigaction, SIGPIPE, nullptr, &now, sizeof now.mask);
  return now.handler == SIG_DFL   ? Disposition::killed
         : now.handler == SIG_IGN ? Disposition::ignored
                                  : Disposition::handled;
}

inline Signals change_mask(int how, Signals signals) {
  Signals before = 0;
  raw(SYS_rt_sigprocmask, how, &signals, &before, sizeof signals);
  return before;
}

inline long take() {
  const Signals only = kSigpipe;
  const timespec at_once{};
  return raw(SYS_rt_sigtimedwait, &only, nullptr, &at_once, sizeof only);
}

inline bool option_is(int fd, int name, int wanted) {
  int value = 0;
  socklen_t length = sizeof value;
  return raw(SYS_getsockopt, fd, SOL_SOCKET, name, &value, &length) == 0 && value == wanted;
}
inline bool is_nameless(int fd) {
  sockaddr_un own, peer;
  socklen_t length = sizeof own, other = sizeof peer;
  return raw(SYS_getsockname, fd, &own, &length) == 0 && raw(SYS_getpeername, fd, &peer, &other) == 0 &&
         length == sizeof own.sun_family && other == sizeof peer.sun_family;
}
inline bool is_pipe(int fd) {
  if (raw(SYS_fcntl, fd, F_GETPIPE_SZ) >= 0) return true;
  return fd <= 2 && option_is(fd, SO_DOMAIN, AF_UNIX) && option_is(fd, SO_TYPE, SOCK_STREAM) && is_nameless(fd);
}

inline bool averts(By by, Disposition where) {
  if (contract == Contract::none || contract == Contract::nobody || (set_by_number && by != By::hook)) return false;
  return where == Disposition::killed || (where == Disposition::handled && contract == Contract::bypass);
}

inline void raised(Pending from) {
  if (pending == Pending::none) pending = from;
}

// A handler of the program's was left by siglongjmp: from then on the mark of a dead pipe may put ours in its place.
inline bool has_jumped = false;

// What is neither promised nor said under Limits: which of two pending signals is the one that counts.
inline bool is_left_open(int fd, By by) {
  if (is_confined || is_pipe(fd)) return false;
  if (!is_blocked()) return set_by_number && has_jumped && by != By::hook;
  return (is_pending() && pending != Pending::socket) || (set_by_number && by != By::unseen);
}

// A call that may raise SIGPIPE over fd.
template <class Real>
long put(int fd, By by, Real real) {
  forget_errno();
  const bool is_socket = is_confined || !is_pipe(fd);
  if (is_blocked()) {
    const bool was_pending = is_pending();
    const long result = real();
    if (!was_pending && is_pending()) raised(is_socket && by != By::unseen ? Pending::socket : Pending::other);
    return result;
  }
  if (!is_socket || !averts(by, disposition())) return real();
  change_mask(SIG_BLOCK, kSigpipe);
  const long result = real();
  const int error = errno;
  take();
  change_mask(SIG_UNBLOCK, kSigpipe);
  errno = error;
  return result;
}

// SIGPIPE may be unblocked in this thread from here on, with this disposition.
inline void before_unblocking(Disposition then) {
  if (pending == Pending::socket && averts(By::hook, then)) take();
  pending = Pending::none;
}
inline void before_unblocking() { before_unblocking(disposition()); }

}  // namespace steps
