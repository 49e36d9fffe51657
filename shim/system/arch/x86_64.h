// x86-64: after a system call RAX holds the result and the arguments are still in RDI, RSI, RDX, R10 (R8, R9).
#pragma once

#include <sys/stat.h>

#include "system/arch/x86.h"

namespace arch {

inline long system_call(long number, long a, long b, long c, long d, long e) {
  long result;
  register long fourth asm("r10") = d;
  register long fifth asm("r8") = e;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
               : "rcx", "r11", "memory");
  return result;
}

// nosigpipe_syscall(number, six arguments), with errors as -errno: what syscall(2) is made by. A handler that finds the
// thread behind its instruction has the number in RBX.
#define ARCH_SYSCALL                                     \
  ".hidden nosigpipe_syscall, nosigpipe_after_syscall\n" \
  ".globl nosigpipe_syscall, nosigpipe_after_syscall\n"  \
  ".type nosigpipe_syscall, @function\n"                 \
  "nosigpipe_syscall:\n"                                 \
  ".cfi_startproc\n" ARCH_LANDS                          \
  "push %rbx\n"                                          \
  ".cfi_def_cfa_offset 16\n"                             \
  ".cfi_offset %rbx, -16\n"                              \
  "mov %rdi, %rbx\n"                                     \
  "mov %rdi, %rax\n"                                     \
  "mov %rsi, %rdi\n"                                     \
  "mov %rdx, %rsi\n"                                     \
  "mov %rcx, %rdx\n"                                     \
  "mov %r8, %r10\n"                                      \
  "mov %r9, %r8\n"                                       \
  "mov 16(%rsp), %r9\n"                                  \
  "syscall\n"                                            \
  "nosigpipe_after_syscall:\n"                           \
  "pop %rbx\n"                                           \
  ".cfi_def_cfa_offset 8\n"                              \
  ".cfi_restore %rbx\n"                                  \
  "ret\n"                                                \
  ".cfi_endproc\n"                                       \
  ".size nosigpipe_syscall, . - nosigpipe_syscall\n"
using File = struct stat;
constexpr long kStat = SYS_newfstatat;
constexpr long kMap = SYS_mmap;

// Where a signal with a lower number arrives at the same time, the kernel makes its frame first and lets ours interrupt
// the first instruction of its handler: the system call is in the context that this handler is about to be given.
inline Registers of_system_call(const void* context) {
  const auto* registers = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs;
  constexpr greg_t kContextSize = offsetof(ucontext_t, uc_sigmask) + 8;  // in the kernel's frame, before the siginfo
  while (registers[REG_RDI] > 0 && registers[REG_RDI] < NSIG && registers[REG_RDX] == registers[REG_RSP] + 8 &&
         registers[REG_RSI] == registers[REG_RDX] + kContextSize)
    registers = reinterpret_cast<const ucontext_t*>(registers[REG_RDX])->uc_mcontext.gregs;
  return registers;
}

// SYSCALL leaves in RCX where it returns to (Intel's manual, volume 2; with FRED it does not), so compilers keep
// nothing there. Our word is gone with the next call.
inline bool is_behind_call(const void* context) {
  const auto* registers = of_system_call(context);
  return registers[REG_RCX] == registers[REG_RIP] &&
         follows(static_cast<std::uintptr_t>(registers[REG_RIP]), 0x0f, 0x05);
}
inline void note_met(const void* context) {
  const_cast<greg_t*>(of_system_call(context))[REG_RCX] = reinterpret_cast<greg_t>(&met);
}
inline const void* place(const void* context) {
  return reinterpret_cast<const void*>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
}

constexpr bool kHasOldFrame = false;

inline Interrupted interrupted(const void* context) {
  const auto* registers = of_system_call(context);
  const auto at = static_cast<std::uintptr_t>(registers[REG_RIP]);
  Interrupted found{follows(at, 0x0f, 0x05),  // syscall
                    true,
                    registers[REG_RAX],
                    kUnknown,
                    {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX], registers[REG_R10], registers[REG_R8],
                     registers[REG_R9]},
                    reinterpret_cast<const void*>(at),
                    registers[REG_RCX] == reinterpret_cast<greg_t>(&met)};
  if (!found.in_call || found.is_met) return found;
  found.number = loaded_before(at, 2);
  if (at == reinterpret_cast<std::uintptr_t>(&nosigpipe_after_syscall)) found.number = registers[REG_RBX];
  if (found.number == kUnknown && may_have_written(found) && glibc.holds(at))
    found.number =
        pushed_above<kPushedWide>(reinterpret_cast<const std::uintptr_t*>(registers[REG_RSP]), found.arguments);
  return found;
}

// DWARF numbers 0 to 16: the System V ABI's supplement for this machine, figure 3.36.
constexpr unsigned kRegisters = 17, kStack = 7, kReturn = 16;
constexpr FrameRecord kFrameRecord{6, 0, 8, 16};

inline void load(const void* context, std::uintptr_t (&to)[kRegisters]) {
  constexpr int kNumbers[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
                              REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
  const auto* registers = of_system_call(context);
  for (unsigned i = 0; i < kRegisters; ++i) to[i] = static_cast<std::uintptr_t>(registers[kNumbers[i]]);
}

// The registers that a function keeps for its caller, as they are here.
[[gnu::always_inline]] inline void load_here(std::uintptr_t (&to)[kRegisters]) {
  asm volatile(
      "movq %%rbx, 24(%0)\n\tmovq %%rbp, 48(%0)\n\tmovq %%rsp, 56(%0)\n\tmovq %%r12, 96(%0)\n\tmovq %%r13, 104(%0)\n\t"
      "movq %%r14, 112(%0)\n\tmovq %%r15, 120(%0)\n\tleaq 0(%%rip), %%rax\n\tmovq %%rax, 128(%0)"
      :
      : "r"(to)
      : "rax", "memory");
}

}  // namespace arch
