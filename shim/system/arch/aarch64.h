// aarch64: after a system call X0 holds the result, where the first argument, most often the fd, was; the number is
// still in X8.
#pragma once

#include "system/arch/common.h"

// X8 keeps the number.
#define ARCH_SYSCALL                                                                                       \
  SYSCALL_BY("@function",                                                                                  \
             "mov x8, x0\nmov x0, x1\nmov x1, x2\nmov x2, x3\nmov x3, x4\nmov x4, x5\nmov x5, x6\nsvc 0\n" \
             "ret")

namespace arch {

using Registers = const mcontext_t*;

// Where a signal with a lower number arrives at the same time, the kernel makes its frame first and lets ours interrupt
// the first instruction of its handler: the system call is in the context that this handler is about to be given, on
// top of the stack. One without SA_SIGINFO is not told where; but from X3 on all is as it was, up to X29, which points
// behind the frame.
inline Registers of_system_call(const void* context) {
  const auto* machine = &static_cast<const ucontext_t*>(context)->uc_mcontext;
  while (machine->regs[0] > 0 && machine->regs[0] < NSIG && machine->regs[29] - machine->sp >= sizeof(ucontext_t)) {
    const auto* below = &reinterpret_cast<const ucontext_t*>(machine->sp + sizeof(siginfo_t))->uc_mcontext;
    if (memcmp(&below->regs[3], &machine->regs[3], 26 * sizeof machine->regs[0]) != 0) break;
    machine = below;
  }
  return machine;
}

constexpr bool kHasOldFrame = false;

inline Interrupted interrupted(const void* context) {
  const auto& machine = *of_system_call(context);
  return {follows(machine.pc, std::uint32_t{0xd4000001}),  // svc 0
          false,
          static_cast<long>(machine.regs[0]),
          static_cast<long>(machine.regs[8]),
          {kUnknown, static_cast<long>(machine.regs[1]), static_cast<long>(machine.regs[2]),
           static_cast<long>(machine.regs[3]), static_cast<long>(machine.regs[4]), static_cast<long>(machine.regs[5])},
          reinterpret_cast<const void*>(machine.pc)};
}

// DWARF numbers 0 to 31: "DWARF for the Arm 64-bit Architecture", section 4.1. The instruction takes the next, since
// X30 is the caller's as long as a function calls nothing.
constexpr unsigned kRegisters = 33, kStack = 31, kReturn = 32;
constexpr FrameRecord kFrameRecord{29, 0, 8, 16};

inline bool is_call(const unsigned char (&code)[kCodeBefore]) {
  const auto instruction = instruction_before(code);  // BL, or BLR and its like with a key
  return (instruction & 0xfc000000) == 0x94000000 || (instruction & 0xfefff000) == 0xd63f0000;
}

inline void load(const void* context, std::uintptr_t (&to)[kRegisters]) {
  const auto& machine = *of_system_call(context);
  for (unsigned i = 0; i < 31; ++i) to[i] = machine.regs[i];
  to[kStack] = machine.sp;
  to[kReturn] = machine.pc;
}

// The registers that a function keeps for its caller, as they are here.
[[gnu::always_inline]] inline void load_here(std::uintptr_t (&to)[kRegisters]) {
  asm volatile(
      "stp x19, x20, [%0, #152]\n\tstp x21, x22, [%0, #168]\n\tstp x23, x24, [%0, #184]\n\tstp x25, x26, [%0, #200]"
      "\n\tstp x27, x28, [%0, #216]\n\tstp x29, x30, [%0, #232]\n\tmov x9, sp\n\tadr x10, .\n\tstp x9, x10, [%0, #248]"
      :
      : "r"(to)
      : "x9", "x10", "memory");
}

}  // namespace arch
