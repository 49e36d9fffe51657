// riscv64: after a system call A0 holds the result, where the first argument, most often the fd, was; the number is
// still in A7.
#pragma once

#include "system/arch/common.h"

// A7 keeps the number.
#define ARCH_SYSCALL \
  SYSCALL_BY("@function", "mv a7, a0\nmv a0, a1\nmv a1, a2\nmv a2, a3\nmv a3, a4\nmv a4, a5\nmv a5, a6\necall\nret")

namespace arch {

using Registers = const unsigned long*;

// Where a signal with a lower number arrives at the same time, the kernel makes its frame first and lets ours interrupt
// the first instruction of its handler: the system call is in the context that this handler is about to be given.
inline Registers of_system_call(const void* context) {
  const auto* x = static_cast<const ucontext_t*>(context)->uc_mcontext.__gregs;
  while (x[REG_A0] > 0 && x[REG_A0] < NSIG && x[REG_A0 + 1] == x[REG_SP] &&
         x[REG_A0 + 2] == x[REG_SP] + sizeof(siginfo_t))
    x = reinterpret_cast<const ucontext_t*>(x[REG_A0 + 2])->uc_mcontext.__gregs;
  return x;
}

constexpr bool kHasOldFrame = false;

inline Interrupted interrupted(const void* context) {
  const auto* x = of_system_call(context);
  const auto argument = [x](int i) { return static_cast<long>(x[REG_A0 + i]); };
  return {follows(x[REG_PC], std::uint32_t{0x00000073}),  // ecall
          false,
          argument(0),
          argument(7),
          {kUnknown, argument(1), argument(2), argument(3), argument(4), argument(5)},
          reinterpret_cast<const void*>(x[REG_PC])};
}

// DWARF numbers 0 to 31: the ELF psABI's "DWARF Register Numbers". The instruction has none, and takes the next.
constexpr unsigned kRegisters = 33, kStack = 2, kReturn = 32;
constexpr FrameRecord kFrameRecord{8, -16, -8, 0};

inline bool is_call(const unsigned char (&code)[kCodeBefore]) {
  const auto instruction = instruction_before(code);  // jal and jalr that link to RA, and the short jalr
  return (instruction & 0xfff) == 0x0ef || (instruction & 0x7fff) == 0x0e7 || (instruction >> 16 & 0xf07f) == 0x9002;
}

inline void load(const void* context, std::uintptr_t (&to)[kRegisters]) {
  const auto* x = of_system_call(context);
  for (unsigned i = 1; i < 32; ++i) to[i] = x[i];
  to[kReturn] = x[REG_PC];
}

// The registers that a function keeps for its caller, as they are here.
[[gnu::always_inline]] inline void load_here(std::uintptr_t (&to)[kRegisters]) {
  asm volatile(
      "sd ra, 8(%0)\n\tsd sp, 16(%0)\n\tsd s0, 64(%0)\n\tsd s1, 72(%0)\n\tsd s2, 144(%0)\n\tsd s3, 152(%0)\n\t"
      "sd s4, 160(%0)\n\tsd s5, 168(%0)\n\tsd s6, 176(%0)\n\tsd s7, 184(%0)\n\tsd s8, 192(%0)\n\tsd s9, 200(%0)\n\t"
      "sd s10, 208(%0)\n\tsd s11, 216(%0)\n\tlla t0, .\n\tsd t0, 256(%0)"
      :
      : "r"(to)
      : "t0", "memory");
}

}  // namespace arch
