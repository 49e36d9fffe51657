// A system call made by the program's own instructions: no function of libc sees it, nor a hook in its place.
#pragma once

#include <cerrno>

// As the kernel gives the result, errors as -errno. On i386 the sixth argument is always 0.
inline long system_call(long number, long a, long b, long c, long d, long e, [[maybe_unused]] long f) {
#if defined(__x86_64__)
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return number;
#elif defined(__i386__)
  asm volatile("push %%ebp; xor %%ebp, %%ebp; int $0x80; pop %%ebp"
               : "+a"(number)
               : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
               : "memory");
  return number;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#elif defined(__riscv)
  register long a7 asm("a7") = number;
  register long a0 asm("a0") = a;
  register long a1 asm("a1") = b;
  register long a2 asm("a2") = c;
  register long a3 asm("a3") = d;
  register long a4 asm("a4") = e;
  register long a5 asm("a5") = f;
  asm volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
  return a0;
#elif defined(__arm__)
  register long r0 asm("r0") = a;
  register long r1 asm("r1") = b;
  register long r2 asm("r2") = c;
  register long r3 asm("r3") = d;
  register long r4 asm("r4") = e;
  register long r5 asm("r5") = f;
  // R7 may be the frame's.
  asm volatile("mov r6, r7; mov r7, %1; svc 0; mov r7, r6"
               : "+r"(r0)
               : "r"(number), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
               : "r6", "memory");
  return r0;
#elif defined(__s390x__)
  register long r1 asm("r1") = number;
  register long r2 asm("r2") = a;
  register long r3 asm("r3") = b;
  register long r4 asm("r4") = c;
  register long r5 asm("r5") = d;
  register long r6 asm("r6") = e;
  register long r7 asm("r7") = f;
  asm volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6), "d"(r7) : "memory");
  return r2;
#elif defined(__powerpc64__)
  register long r0 asm("r0") = number;
  register long r3 asm("r3") = a;
  register long r4 asm("r4") = b;
  register long r5 asm("r5") = c;
  register long r6 asm("r6") = d;
  register long r7 asm("r7") = e;
  register long r8 asm("r8") = f;
  asm volatile("sc; bns+ 1f; neg %1, %1; 1:"
               : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8)
               :
               : "cr0", "ctr", "r9", "r10", "r11", "r12", "memory");
  return r3;
#endif
}

// As libc gives it.
template <class... Arguments>
long inline_call(long number, Arguments... arguments) {
  const long all[6] = {(long)arguments...};  // pointers and numbers alike
  const long result = system_call(number, all[0], all[1], all[2], all[3], all[4], all[5]);
  if (result >= 0 || result < -4095) return result;
  errno = static_cast<int>(-result);
  return -1;
}
