// System calls that the shim makes for itself: they leave errno alone, are no cancellation points, and no library can
// stand in between. Each returns what the kernel returns, errors as -errno.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstdint>
#include <type_traits>

namespace kernel {

#if defined(__x86_64__)
inline long call(long number, long a, long b, long c, long d, long e) {
  long result;
  register long fourth asm("r10") = d;
  register long fifth asm("r8") = e;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__i386__)
inline long call(long number, long a, long b, long c, long d, long e) {
  long result;
  asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
  return result;
}
#elif defined(__aarch64__)
inline long call(long number, long a, long b, long c, long d, long e) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}
#else
#error "nosigpipe knows x86-64, i386 and aarch64"
#endif

template <class T>
long word(T value) {
  if constexpr (std::is_integral_v<T> || std::is_enum_v<T>)
    return static_cast<long>(value);
  else
    return reinterpret_cast<long>(value);
}

template <class A = long, class B = long, class C = long, class D = long, class E = long>
long call(long number, A a = {}, B b = {}, C c = {}, D d = {}, E e = {}) {
  return call(number, word(a), word(b), word(c), word(d), word(e));
}

// pread(2). A 32-bit process passes the offset in two halves.
inline long read_at(int fd, char* to, std::size_t size, long offset) {
  if constexpr (sizeof(long) == 4)
    return call(SYS_pread64, fd, to, size, offset, 0);
  else
    return call(SYS_pread64, fd, to, size, offset);
}

inline int pid() { return static_cast<int>(call(SYS_getpid)); }
inline int tid() { return static_cast<int>(call(SYS_gettid)); }

// What stat(2) gives, in the kernel's own layout; statx(2) is younger than some servers' kernels. All zero if it fails.
#if defined(__i386__)
using File = struct stat64;
constexpr long kStat = SYS_fstatat64;
#else
using File = struct stat;
constexpr long kStat = SYS_newfstatat;
#endif
inline File file_at(int directory, const char* path) {
  File file{};
  if (call(kStat, directory, path, &file, AT_EMPTY_PATH) != 0) file = {};
  return file;
}

// A set of signals as the kernel has it: bit n-1 is signal n.
using Signals = std::uint64_t;
constexpr Signals only(int signal) { return Signals{1} << (signal - 1); }

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

inline void queue_to_thread(const siginfo_t& info) { call(SYS_rt_tgsigqueueinfo, pid(), tid(), info.si_signo, &info); }

}  // namespace kernel
