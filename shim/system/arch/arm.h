// 32-bit ARM (EABI): after a system call R0 holds the result, where the first argument, most often the fd, was; the
// number is still in R7.
#pragma once

#include "system/arch/common.h"

// R7 keeps the number.
#define ARCH_SYSCALL                                                                               \
  ".arm\n.balign 4\n" SYSCALL_BY(                                                                  \
      "%function",                                                                                 \
      "push {r4, r5, r7, lr}\nmov r7, r0\nmov r0, r1\nmov r1, r2\nmov r2, r3\nldr r3, [sp, #16]\n" \
      "ldr r4, [sp, #20]\nldr r5, [sp, #24]\nsvc 0\npop {r4, r5, r7, pc}")

namespace arch {

using Registers = const mcontext_t*;

// Where a signal with a lower number arrives at the same time, the kernel makes its frame first and lets ours interrupt
// the first instruction of its handler: the system call is in the context that this handler is about to be given, on
// top of the stack; behind the siginfo, where there is one. From R3 to R12 all is as it was.
inline Registers of_system_call(const void* context) {
  const auto* machine = &static_cast<const ucontext_t*>(context)->uc_mcontext;
  while (machine->arm_r0 > 0 && machine->arm_r0 < NSIG) {
    const auto stack = machine->arm_sp;
    const bool has_siginfo = machine->arm_r1 == stack && machine->arm_r2 == stack + sizeof(siginfo_t);
    const auto* below = &reinterpret_cast<const ucontext_t*>(has_siginfo ? machine->arm_r2 : stack)->uc_mcontext;
    if (memcmp(&below->arm_r3, &machine->arm_r3, 10 * sizeof machine->arm_r3) != 0) break;
    machine = below;
  }
  return machine;
}

// sigreturn(2) leaves the alternate stack alone, rt_sigreturn does not.
constexpr bool kHasOldFrame = true;

inline Interrupted interrupted(const void* context) {
  const auto& machine = *of_system_call(context);
  const bool is_thumb = (machine.arm_cpsr & 0x20) != 0;
  return {is_thumb ? follows(machine.arm_pc, 0x00, 0xdf) : follows(machine.arm_pc, std::uint32_t{0xef000000}),  // svc 0
          false,
          static_cast<long>(machine.arm_r0),
          static_cast<long>(machine.arm_r7),
          {kUnknown, static_cast<long>(machine.arm_r1), static_cast<long>(machine.arm_r2),
           static_cast<long>(machine.arm_r3), static_cast<long>(machine.arm_r4), static_cast<long>(machine.arm_r5)},
          reinterpret_cast<const void*>(machine.arm_pc)};
}

// DWARF numbers 0 to 15: "DWARF for the Arm Architecture", section 4.1. C programs have other tables (.ARM.exidx), so
// that most often the stack ends with its first function.
constexpr unsigned kRegisters = 16, kStack = 13, kReturn = 15;
constexpr FrameRecord kFrameRecord{kRegisters, 0, 0, 0};

// Not told: a guess is no help where there are no tables to go on by.
inline bool is_call(const unsigned char (&)[kCodeBefore]) { return false; }

inline void load(const void* context, std::uintptr_t (&to)[kRegisters]) {
  memcpy(to, reinterpret_cast<const char*>(of_system_call(context)) + offsetof(mcontext_t, arm_r0), sizeof to);
}

// Nothing: only the caller would be known here, so a hook's call has no stack on this machine.
inline void load_here(std::uintptr_t (&)[kRegisters]) {}

}  // namespace arch
