// Every function that the shim replaces. A hook's shape tells its technique: flagged, written, guarded, or the
// program's view of SIGPIPE. functions.def says the same as a list.

#include <cstdarg>

#include "guard/by_number.h"
#include "guard/sigpipe_handler.h"
#include "guard/wrappers.h"
#include "log/event.h"
#include "program/disposition.h"
#include "system/clock.h"

#define EXPORT extern "C" [[gnu::visibility("default")]]

// The call carries MSG_NOSIGNAL.

EXPORT ssize_t send(int fd, const void* buf, size_t len, int flags) {
  return flagged(CALL(fd, len), flags, [=](int with) { return real::send(fd, buf, len, with); });
}

EXPORT ssize_t __send(int fd, const void* buf, size_t len, int flags) {
  return flagged(CALL(fd, len), flags, [=](int with) { return real::send(fd, buf, len, with); });
}

EXPORT ssize_t sendto(int fd, const void* buf, size_t len, int flags, const sockaddr* addr, socklen_t addr_len) {
  return flagged(CALL(fd, len), flags, [=](int with) { return real::sendto(fd, buf, len, with, addr, addr_len); });
}

EXPORT ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  return flagged(CALL(fd, message), flags, [=](int with) { return real::sendmsg(fd, message, with); });
}

EXPORT int sendmmsg(int fd, mmsghdr* vmessages, unsigned int vlen, int flags) {
  return flagged(CALL(fd, vmessages, vlen), flags, [=](int with) { return real::sendmmsg(fd, vmessages, vlen, with); });
}

#if __SIZEOF_LONG__ == 4
EXPORT ssize_t __sendmsg64(int fd, const msghdr* message, int flags) {
  return flagged(CALL(fd, message), flags, [=](int with) { return real::sendmsg(fd, message, with); });
}

EXPORT int __sendmmsg64(int fd, mmsghdr* vmessages, unsigned int vlen, int flags) {
  return flagged(CALL(fd, vmessages, vlen), flags, [=](int with) { return real::sendmmsg(fd, vmessages, vlen, with); });
}
#endif

// On a socket it is made as a send.

EXPORT ssize_t write(int fd, const void* buf, size_t n) { return written(CALL(fd, n), buf); }

EXPORT ssize_t __write(int fd, const void* buf, size_t n) { return written(CALL(fd, n), buf); }

// There is no flag to carry: masked, or left to our handler.

EXPORT ssize_t writev(int fd, const iovec* iovec, int count) {
  return guarded(CALL(fd, iovec, count), [=] { return real::writev(fd, iovec, count); });
}

EXPORT ssize_t pwritev(int fd, const iovec* iovec, int count, off_t offset) {
  return guarded(CALL(fd, iovec, count), [=] { return real::pwritev(fd, iovec, count, offset); });
}

EXPORT ssize_t pwritev64(int fd, const iovec* iovec, int count, off64_t offset) {
  return guarded(CALL(fd, iovec, count), [=] { return real::pwritev64(fd, iovec, count, offset); });
}

EXPORT ssize_t pwritev2(int fd, const iovec* iodev, int count, off_t offset, int flags) {
  const auto call = [=] { return real::pwritev2(fd, iodev, count, offset, flags); };
  return (flags & RWF_NOSIGNAL) != 0 ? as_it_is(call) : guarded(CALL(fd, iodev, count), call);
}

EXPORT ssize_t pwritev64v2(int fd, const iovec* iodev, int count, off64_t offset, int flags) {
  const auto call = [=] { return real::pwritev64v2(fd, iodev, count, offset, flags); };
  return (flags & RWF_NOSIGNAL) != 0 ? as_it_is(call) : guarded(CALL(fd, iodev, count), call);
}

EXPORT ssize_t sendfile(int out_fd, int in_fd, off_t* offset, size_t count) {
  return guarded(CALL(out_fd, Pieces{count}), [=] { return real::sendfile(out_fd, in_fd, offset, count); });
}

EXPORT ssize_t sendfile64(int out_fd, int in_fd, off64_t* offset, size_t count) {
  return guarded(CALL(out_fd, Pieces{count}), [=] { return real::sendfile64(out_fd, in_fd, offset, count); });
}

EXPORT ssize_t splice(int fdin, off64_t* offin, int fdout, off64_t* offout, size_t len, unsigned int flags) {
  return guarded(CALL(fdout, Pieces{len}), [=] { return real::splice(fdin, offin, fdout, offout, len, flags); });
}

EXPORT ssize_t tee(int fdin, int fdout, size_t len, unsigned int flags) {
  return guarded(CALL(fdout, len), [=] { return real::tee(fdin, fdout, len, flags); });
}

EXPORT ssize_t vmsplice(int fdout, const iovec* iov, size_t count, unsigned int flags) {
  return guarded(CALL(fdout, iov, count), [=] { return real::vmsplice(fdout, iov, count, flags); });
}

// The program's view of SIGPIPE.

EXPORT int sigaction(int sig, const struct sigaction* act, struct sigaction* oact) {
  policy::decide_early();
  return sig == SIGPIPE ? disposition::change(act, oact) : real::sigaction(sig, act, oact);
}

EXPORT int __sigaction(int sig, const struct sigaction* act, struct sigaction* oact) {
  return sigaction(sig, act, oact);
}

EXPORT sighandler_t signal(int sig, sighandler_t handler) {
  policy::decide_early();
  return sig == SIGPIPE ? disposition::set(handler, disposition::flags_of_signal(), true) : real::signal(sig, handler);
}

EXPORT sighandler_t bsd_signal(int sig, sighandler_t handler) { return signal(sig, handler); }

EXPORT sighandler_t ssignal(int sig, sighandler_t handler) { return signal(sig, handler); }

EXPORT sighandler_t sysv_signal(int sig, sighandler_t handler) {
  return sig == SIGPIPE ? disposition::set(handler, disposition::kSysvFlags, false) : real::sysv_signal(sig, handler);
}

EXPORT sighandler_t __sysv_signal(int sig, sighandler_t handler) { return sysv_signal(sig, handler); }

EXPORT sighandler_t sigset(int sig, sighandler_t disp) {
  return sig == SIGPIPE ? disposition::set_or_hold(disp) : real::sigset(sig, disp);
}

EXPORT int sigignore(int sig) { return sig == SIGPIPE ? disposition::ignore() : real::sigignore(sig); }

EXPORT int siginterrupt(int sig, int interrupt) {
  return sig == SIGPIPE ? disposition::interrupt(interrupt != 0) : real::siginterrupt(sig, interrupt);
}

EXPORT int sigvec(int sig, const Sigvec* vec, Sigvec* ovec) {
  return sig == SIGPIPE ? disposition::change(vec, ovec) : real::sigvec(sig, vec, ovec);
}

// A thread may block SIGPIPE from here on.

EXPORT int sigprocmask(int how, const sigset_t* set, sigset_t* oset) {
  mask::may_block(how, set);
  return real::sigprocmask(how, set, oset);
}

EXPORT int pthread_sigmask(int how, const sigset_t* newmask, sigset_t* oldmask) {
  mask::may_block(how, newmask);
  return real::pthread_sigmask(how, newmask, oldmask);
}

EXPORT int sigblock(int mask) {
  mask::may_block_one_of(mask);
  return real::sigblock(mask);
}

EXPORT int sigsetmask(int mask) {
  mask::may_block_one_of(mask);
  return real::sigsetmask(mask);
}

EXPORT int sighold(int sig) {
  if (sig == SIGPIPE) mask::blocks_from_here();
  return real::sighold(sig);
}

// It takes a pending signal, and does not see that it was marked.

EXPORT int sigwaitinfo(const sigset_t* set, siginfo_t* info) {
  return mask::unmarked(real::sigwaitinfo(set, info), info);
}

EXPORT int sigtimedwait(const sigset_t* set, siginfo_t* info, const timespec* timeout) {
  return mask::unmarked(real::sigtimedwait(set, info, timeout), info);
}

// The process ends, past its destructors: what was counted is logged.

EXPORT void _exit(int status) {
  event::log_totals();
  real::_exit(status);
  __builtin_unreachable();
}

EXPORT void _Exit(int status) { _exit(status); }

// The log may be out of reach from here on.

EXPORT int setuid(uid_t uid) {
  event::before_user(uid);
  return real::setuid(uid);
}

EXPORT int seteuid(uid_t uid) {
  event::before_user(uid);
  return real::seteuid(uid);
}

EXPORT int setreuid(uid_t ruid, uid_t euid) {
  event::before_user(euid);
  return real::setreuid(ruid, euid);
}

EXPORT int setresuid(uid_t ruid, uid_t euid, uid_t suid) {
  event::before_user(euid);
  return real::setresuid(ruid, euid, suid);
}

EXPORT int chroot(const char* path) {
  event::before_root();
  return real::chroot(path);
}

// How a child has ended: whoever then dies of the same has no line of its own.

static pid_t waited(int* status, auto call) {
  int own = 0;
  int* const to = status != nullptr ? status : &own;
  const pid_t child = call(to);
  if (child > 0) event::child_ended(*to);
  return child;
}

EXPORT pid_t wait(int* status) {
  return waited(status, [](int* to) { return real::wait(to); });
}

EXPORT pid_t waitpid(pid_t pid, int* status, int options) {
  return waited(status, [=](int* to) { return real::waitpid(pid, to, options); });
}

EXPORT pid_t wait3(int* status, int options, rusage* usage) {
  return waited(status, [=](int* to) { return real::wait3(to, options, usage); });
}

EXPORT pid_t wait4(pid_t pid, int* status, int options, rusage* usage) {
  return waited(status, [=](int* to) { return real::wait4(pid, to, options, usage); });
}

// From here on a system call that the program did not make may kill it.

EXPORT int prctl(int option, ...) {
  va_list list;
  va_start(list, option);
  unsigned long arguments[4];
  for (auto& argument : arguments) argument = va_arg(list, unsigned long);
  va_end(list);
  kernel::before_prctl(option, arguments[0]);
  const auto call = [&] { return real::prctl(option, arguments[0], arguments[1], arguments[2], arguments[3]); };
  return option == PR_SET_SECCOMP ? handler::enter_seccomp(call, [](int result) { return result < 0; }) : call();
}

EXPORT long syscall(long sysno, ...) {
  va_list list;
  va_start(list, sysno);
  long arguments[6];
  for (auto& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  return by_number(sysno, arguments, RETURN_ADDRESS);
}
