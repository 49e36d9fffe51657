// ppc64le: after a system call R3 holds the result. The kernel's frame has the first argument, most often the fd, too,
// QEMU's has not.
#pragma once

#include <asm/ptrace.h>

#include "system/arch/common.h"

// An error is a positive number, and the summary overflow in CR0 says that it is one.
#define ARCH_SYSCALL \
  SYSCALL_BY("@function", "mr 0, 3\nmr 3, 4\nmr 4, 5\nmr 5, 6\nmr 6, 7\nmr 7, 8\nmr 8, 9\nsc\nbnslr\nneg 3, 3\nblr")

namespace arch {

using Registers = const unsigned long*;

// Where a signal with a lower number arrives at the same time, the kernel makes its frame first and lets ours interrupt
// the first instruction of its handler: the system call is in the context that this handler is about to be given. One
// without SA_SIGINFO is given the registers alone. The handler's empty frame leads back to the stack of the call.
inline Registers of_system_call(const void* context) {
  const auto* registers = static_cast<const ucontext_t*>(context)->uc_mcontext.gp_regs;
  while (registers[PT_R3] > 0 && registers[PT_R3] < NSIG) {
    const auto stack = registers[PT_R1];
    const auto above = [stack](std::uintptr_t at) { return at - stack >= 128 && at - stack <= 144; };  // QEMU has 144
    const auto given = registers[PT_R4] - offsetof(ucontext_t, uc_mcontext);
    if (!above(registers[PT_R5]) && !above(given)) break;
    const auto* below = reinterpret_cast<const ucontext_t*>(above(given) ? given : registers[PT_R5]);
    if (*reinterpret_cast<const unsigned long*>(stack) != below->uc_mcontext.gp_regs[PT_R1]) break;
    registers = below->uc_mcontext.gp_regs;
  }
  return registers;
}

constexpr bool kHasOldFrame = false;

// `sc` says in CR0 that its result is an error, `scv` by a negative number. The trap is the kernel's word that there
// was a system call, and then the frame has the first argument.
inline Interrupted interrupted(const void* context) {
  const auto* registers = of_system_call(context);
  const auto at = registers[PT_NIP];
  const auto argument = [registers](int i) { return static_cast<long>(registers[PT_R3 + i]); };
  const bool by_scv = follows(at, std::uint32_t{0x44000001});
  const bool by_sc = follows(at, std::uint32_t{0x44000002});
  const bool is_error = by_sc && (registers[PT_CCR] & 0x10000000) != 0;
  const auto trap = registers[PT_TRAP] & ~0xfUL;
  const auto first = static_cast<long>(registers[PT_ORIG_R3]);
  const bool has_first = (trap == 0xc00 || trap == 0x3000) && first >= 0 && first < (1 << 20);
  return {by_sc || by_scv,
          has_first,
          is_error ? -argument(0) : argument(0),
          argument(-3),
          {has_first ? first : kUnknown, argument(1), argument(2), argument(3), argument(4), argument(5)},
          reinterpret_cast<const void*>(at)};
}

// DWARF numbers 0 to 31, and 65 for the link register: the ELF V2 ABI, table 2.25. The instruction takes the next.
constexpr unsigned kRegisters = 67, kStack = 1, kReturn = 66;
constexpr FrameRecord kFrameRecord{kRegisters, 0, 0, 0};

inline bool is_call(const unsigned char (&code)[kCodeBefore]) {
  const auto instruction = instruction_before(code);  // bl, bctrl
  return (instruction & 0xfc000003) == 0x48000001 || instruction == 0x4e800421;
}

inline void load(const void* context, std::uintptr_t (&to)[kRegisters]) {
  const auto* registers = of_system_call(context);
  for (unsigned i = 0; i < 32; ++i) to[i] = registers[i];
  to[65] = registers[PT_LNK];
  to[kReturn] = registers[PT_NIP];
}

// The registers that a function keeps for its caller, as they are here.
[[gnu::always_inline]] inline void load_here(std::uintptr_t (&to)[kRegisters]) {
  asm volatile(
      "std 1, 8(%0)\n\t.irp number, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n\t"
      "std \\number, \\number * 8(%0)\n\t.endr\n\tmflr 0\n\tstd 0, 65 * 8(%0)\n\tbcl 20, 31, $+4\n\tmflr 0\n\t"
      "std 0, 66 * 8(%0)"
      :
      : "b"(to)
      : "r0", "lr", "memory");
}

}  // namespace arch
