// aarch64: after a system call X0 holds the result, where the first argument, most often the fd, was; the number is
// still in X8.
#pragma once

#include <sys/stat.h>

#include "system/arch/interrupted.h"

namespace arch {

inline long system_call(long number, long a, long b, long c, long d, long e) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}

// nosigpipe_syscall(number, six arguments), with errors as -errno: what syscall(2) is made by. X8 keeps the number.
#define ARCH_SYSCALL                     \
  ".hidden nosigpipe_syscall\n"          \
  ".globl nosigpipe_syscall\n"           \
  ".type nosigpipe_syscall, @function\n" \
  "nosigpipe_syscall:\n"                 \
  ".cfi_startproc\n"                     \
  "mov x8, x0\n"                         \
  "mov x0, x1\n"                         \
  "mov x1, x2\n"                         \
  "mov x2, x3\n"                         \
  "mov x3, x4\n"                         \
  "mov x4, x5\n"                         \
  "mov x5, x6\n"                         \
  "svc 0\n"                              \
  "ret\n"                                \
  ".cfi_endproc\n"                       \
  ".size nosigpipe_syscall, . - nosigpipe_syscall\n"

// The result has taken the place of the first argument, most often the fd.
constexpr bool kKeepsArguments = false;

using File = struct stat;
constexpr long kStat = SYS_newfstatat;
constexpr long kMap = SYS_mmap;

using Registers = const mcontext_t*;

// Where a signal with a lower number arrives at the same time, the kernel makes its frame first and lets ours interrupt
// the first instruction of its handler: the system call is in the context that this handler is about to be given.
inline Registers of_system_call(const void* context) {
  const auto* machine = &static_cast<const ucontext_t*>(context)->uc_mcontext;
  while (machine->regs[0] > 0 && machine->regs[0] < NSIG && machine->regs[1] == machine->sp &&
         machine->regs[2] == machine->sp + sizeof(siginfo_t))
    machine = &reinterpret_cast<const ucontext_t*>(machine->regs[2])->uc_mcontext;
  return machine;
}

inline Interrupted interrupted(const void* context) {
  const auto& machine = *of_system_call(context);
  constexpr std::uint32_t kSvc = 0xd4000001;  // svc 0
  std::uint32_t instruction = kSvc;
  if (readable(machine.pc, 4)) memcpy(&instruction, reinterpret_cast<const void*>(machine.pc - 4), sizeof instruction);
  return {instruction == kSvc,
          false,
          static_cast<long>(machine.regs[0]),
          static_cast<long>(machine.regs[8]),
          {kUnknown, static_cast<long>(machine.regs[1]), static_cast<long>(machine.regs[2]),
           static_cast<long>(machine.regs[3]), static_cast<long>(machine.regs[4]), static_cast<long>(machine.regs[5])},
          reinterpret_cast<const void*>(machine.pc)};
}

// DWARF numbers 0 to 31: "DWARF for the Arm 64-bit Architecture", section 4.1.
constexpr unsigned kRegisters = 32, kStack = 31, kReturn = 30;

inline void load(const void* context, std::uintptr_t (&to)[kRegisters]) {
  const auto& machine = *of_system_call(context);
  for (unsigned i = 0; i < 31; ++i) to[i] = machine.regs[i];
  to[kStack] = machine.sp;
  to[kReturn] = machine.pc;
}

// Nothing: only the caller would be known here, so a hook's call has no stack on this machine.
inline void load_here(std::uintptr_t (&)[kRegisters]) {}

}  // namespace arch
