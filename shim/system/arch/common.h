// What the machines have in common on which the result of a system call takes the place of its first argument, most
// often the fd: all but x86.
#pragma once

#include <sys/stat.h>

#include "system/arch/interrupted.h"
#include "system/arch/syscall.h"

// nosigpipe_syscall(number, six arguments), with errors as -errno: what syscall(2) is made by, and all of our own.
#define SYSCALL_BY(type, instructions) \
  ".hidden nosigpipe_syscall\n"        \
  ".globl nosigpipe_syscall\n"         \
  ".type nosigpipe_syscall, " type     \
  "\n"                                 \
  "nosigpipe_syscall:\n"               \
  ".cfi_startproc\n" instructions      \
  "\n"                                 \
  ".cfi_endproc\n"                     \
  ".size nosigpipe_syscall, . - nosigpipe_syscall\n"

namespace arch {

inline long system_call(long number, long a, long b, long c, long d, long e) {
  return nosigpipe_syscall(number, a, b, c, d, e, 0);
}

constexpr bool kKeepsArguments = false;

// A call leaves no register that nobody looks at.
inline void note_met(const void*) {}
inline bool is_behind_call(const void*) { return false; }
inline const void* place(const void*) { return nullptr; }

// Compilers put other instructions in between.
inline Epilogue epilogue(const unsigned char (&)[kCodeBehind]) { return {}; }

// The instruction of four bytes in front of a return address.
inline std::uint32_t instruction_before(const unsigned char (&code)[kCodeBefore]) {
  std::uint32_t instruction;
  memcpy(&instruction, code + kCodeBefore - sizeof instruction, sizeof instruction);
  return instruction;
}

#ifdef __LP64__
using File = struct stat;
constexpr long kStat = SYS_newfstatat;
constexpr long kMap = SYS_mmap;
#else
using File = struct stat64;
constexpr long kStat = SYS_fstatat64;
constexpr long kMap = SYS_mmap2;
#endif

}  // namespace arch
