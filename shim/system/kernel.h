// System calls that the shim makes for itself: they leave errno alone, are no cancellation points, and no library can
// stand in between. Each returns what the kernel returns, errors as -errno.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <type_traits>

#include "system/arch/machine.h"
#include "system/arch/syscall.h"

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100  // Linux 6.18
#endif

namespace kernel {

template <class T>
long word(T value) {
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>)
    return static_cast<long>(value);
  else
    return reinterpret_cast<long>(value);
}

template <class A = long, class B = long, class C = long, class D = long, class E = long>
long call(long number, A a = {}, B b = {}, C c = {}, D d = {}, E e = {}) {
  return arch::system_call(number, word(a), word(b), word(c), word(d), word(e));
}

// pread(2). A 32-bit process passes the offset in two halves; ARM in a pair of registers, of which the first is even.
inline long read_at(int fd, char* to, std::size_t size, long offset) {
#ifdef __ARM_EABI__
  return nosigpipe_syscall(SYS_pread64, fd, word(to), word(size), 0, offset, 0);
#else
  if constexpr (sizeof(long) == 4)
    return call(SYS_pread64, fd, to, size, offset, 0);
  else
    return call(SYS_pread64, fd, to, size, offset);
#endif
}

// Sleeps so long, or until a signal comes.
inline void sleep(long nanoseconds) {
  const long pause[2] = {0, nanoseconds};
  call(SYS_nanosleep, pause, nullptr);
}

// Fresh memory, private and zero: its address, or -errno. On s390x the arguments are passed in memory.
inline long map(std::size_t size) {
  const long given[] = {0, static_cast<long>(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0};
#ifdef __s390x__
  return call(arch::kMap, given);
#else
  return nosigpipe_syscall(arch::kMap, given[0], given[1], given[2], given[3], given[4], given[5]);
#endif
}

// getsockopt(2): the length of what it gave, or -errno.
template <class Value>
long socket_option(int fd, int level, int name, Value& value) {
  unsigned length = sizeof value;
  const long error = call(SYS_getsockopt, fd, level, name, &value, &length);
  return error < 0 ? error : static_cast<long>(length);
}

// What poll(2) says of this fd at once, as revents; or -errno: it is refused where RLIMIT_NOFILE is 0.
inline int poll_now(int fd, short events) {
  pollfd polled{fd, events, 0};
  const long at_once[2] = {0, 0};
  const long found = call(SYS_ppoll, &polled, 1, at_once, nullptr, 0);
  return found < 0 ? static_cast<int>(found) : polled.revents;
}

inline int pid() { return static_cast<int>(call(SYS_getpid)); }
inline int tid() { return static_cast<int>(call(SYS_gettid)); }

// The real one, and that of the files that it creates. A 32-bit process has older calls for numbers of 16 bits.
#ifdef SYS_getuid32
inline long real_uid() { return call(SYS_getuid32); }
inline long uid() { return call(SYS_geteuid32); }
#else
inline long real_uid() { return call(SYS_getuid); }
inline long uid() { return call(SYS_geteuid); }
#endif

// What stat(2) gives, in the kernel's own layout; statx(2) is younger than some servers' kernels. All zero if it fails.
using File = arch::File;
inline File file_at(int directory, const char* path) {
  File file{};
  if (call(arch::kStat, directory, path, &file, AT_EMPTY_PATH) != 0) file = {};
  return file;
}

// A set of signals as the kernel has it: bit n-1 is signal n.
using Signals = std::uint64_t;
constexpr Signals only(int signal) { return Signals{1} << (signal - 1); }

// What a handler of ours blocks where it stands for SIG_DFL: all but what a fault of its own raises. It may run on an
// alternate stack that is too small for a handler of the program's; and signals that libc keeps to itself, for
// cancellation and setuid, must not run off with the thread from there.
constexpr Signals kAllButFaults =
    ~(only(SIGSEGV) | only(SIGBUS) | only(SIGFPE) | only(SIGILL) | only(SIGTRAP) | only(SIGSYS));

// This thread's mask. To ask is less work for the kernel than to change nothing.
inline Signals mask() {
  Signals now = 0;
  call(SYS_rt_sigprocmask, 0, nullptr, &now, sizeof now);
  return now;
}

// Changes it and returns the one before.
inline Signals change_mask(int how, Signals set) {
  Signals before = 0;
  call(SYS_rt_sigprocmask, how, &set, &before, sizeof set);
  return before;
}

// The smallest there is.
constexpr std::uintptr_t kPage = 4096;

// Whether these bytes of memory can be read now. A set is fetched from there before the kernel sees that nothing is
// asked for, so this is the cheapest call that knows, and no filter that lets us live refuses it. A set at 0 is none.
inline bool can_read(std::uintptr_t begin, std::size_t size) {
  constexpr int kNothing = -1;
  if (begin + size < begin) return false;
  for (auto page = begin; page < begin + size; page = (page | (kPage - 1)) + 1) {
    const auto* word = reinterpret_cast<const void*>((page & ~std::uintptr_t{7}) | 8);
    if (call(SYS_rt_sigprocmask, kNothing, word, nullptr, sizeof(Signals)) == -EFAULT) return false;
  }
  return true;
}

// No signal comes to this thread as long as this lives: neither what we raise, nor a handler of the program that
// would find us half-way.
class SignalsBlocked {
 public:
  SignalsBlocked() : before_(change_mask(SIG_BLOCK, ~Signals{0})) {}
  ~SignalsBlocked() { change_mask(SIG_SETMASK, before_); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  Signals before() const { return before_; }

 private:
  Signals before_;
};

// Of this thread and of the process.
inline Signals pending() {
  Signals set = 0;
  call(SYS_rt_sigpending, &set, sizeof set);
  return set;
}

// Takes one pending signal of the set, the thread's own before the process's; false if there is none.
inline bool take_pending(Signals set, siginfo_t* info) {
  const long at_once[2] = {0, 0};
  return call(SYS_rt_sigtimedwait, &set, info, at_once, sizeof set) > 0;
}

// 0 or -errno.
inline long queue_to_thread(const siginfo_t& info) {
  return call(SYS_rt_tgsigqueueinfo, pid(), tid(), info.si_signo, &info);
}

// Whether this siginfo is what the kernel gives for a SIGPIPE that it raises; kill(getpid()) looks the same.
inline bool has_raised(const siginfo_t& info) { return info.si_code == SI_USER && info.si_pid == pid(); }

// A signal that has arrived arrives once more, with the original's siginfo; once, as it may meet a handler by then.
inline void raise_again(const siginfo_t& info) {
  const bool is_queued = queue_to_thread(info) == 0;
  change_mask(SIG_UNBLOCK, only(info.si_signo));
  if (!is_queued) call(SYS_tgkill, pid(), tid(), info.si_signo);  // where a sandbox refuses to queue
}

// Whether a thread can send itself a signal in one of these ways: by none at all (kill(2)).
inline bool may_queue() {
  siginfo_t nothing{};
  nothing.si_code = SI_USER;
  return queue_to_thread(nothing) == 0;
}
inline bool may_raise() { return may_queue() || call(SYS_tgkill, pid(), tid(), 0) == 0; }

}  // namespace kernel
