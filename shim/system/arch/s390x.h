// s390x: after a system call R2 holds the result, where the first argument, most often the fd, was; the number is in
// the instruction or, where that says 0, in R1.
#pragma once

#include "system/arch/common.h"

#define ARCH_SYSCALL                                                                                    \
  SYSCALL_BY("@function",                                                                               \
             "stmg %r6, %r7, 48(%r15)\n.cfi_offset %r6, -112\n.cfi_offset %r7, -104\nlgr %r1, %r2\n"    \
             "lgr %r2, %r3\nlgr %r3, %r4\nlgr %r4, %r5\nlgr %r5, %r6\nlmg %r6, %r7, 160(%r15)\nsvc 0\n" \
             "lmg %r6, %r7, 48(%r15)\nbr %r14")

namespace arch {

using Registers = const mcontext_t*;

// Where a signal with a lower number arrives at the same time, the kernel makes its frame first and lets ours interrupt
// the first instruction of its handler: the system call is in the context that this handler is about to be given. One
// without SA_SIGINFO is given a mask and a pointer to the registers, which stand behind them.
inline Registers of_system_call(const void* context) {
  const auto* machine = &static_cast<const ucontext_t*>(context)->uc_mcontext;
  while (machine->gregs[2] > 0 && machine->gregs[2] < NSIG) {
    const auto frame = machine->gregs[15] + 160;
    if (machine->gregs[3] == frame && reinterpret_cast<const unsigned long*>(frame)[1] == frame + 16)
      machine = reinterpret_cast<const mcontext_t*>(frame + 16);
    else if (machine->gregs[3] == frame + 8 && machine->gregs[4] == frame + 8 + sizeof(siginfo_t))
      machine = &reinterpret_cast<const ucontext_t*>(machine->gregs[4])->uc_mcontext;
    else
      break;
  }
  return machine;
}

// sigreturn(2) leaves the alternate stack alone, rt_sigreturn does not.
constexpr bool kHasOldFrame = true;

inline Interrupted interrupted(const void* context) {
  const auto& machine = *of_system_call(context);
  const auto at = machine.psw.addr;
  const auto argument = [&](int i) { return static_cast<long>(machine.gregs[2 + i]); };
  const auto* code = reinterpret_cast<const unsigned char*>(at);
  const long in_code = readable(at, 2) ? code[-1] : 0;
  return {!readable(at, 2) || code[-2] == 0x0a,  // svc
          false,
          argument(0),
          in_code != 0 ? in_code : argument(-1),
          {kUnknown, argument(1), argument(2), argument(3), argument(4), argument(5)},
          reinterpret_cast<const void*>(at)};
}

// DWARF numbers 0 to 15: the ELF ABI's "DWARF register number mapping". The instruction takes the next.
constexpr unsigned kRegisters = 17, kStack = 15, kReturn = 16;
constexpr FrameRecord kFrameRecord{kRegisters, 0, 0, 0};

inline bool is_call(const unsigned char (&code)[kCodeBefore]) {
  const auto* end = code + kCodeBefore;  // brasl, basr
  return (end[-6] == 0xc0 && end[-5] == 0xe5) || (end[-2] == 0x0d && end[-1] >> 4 == 14);
}

inline void load(const void* context, std::uintptr_t (&to)[kRegisters]) {
  const auto& machine = *of_system_call(context);
  for (unsigned i = 0; i < 16; ++i) to[i] = machine.gregs[i];
  to[kReturn] = machine.psw.addr;
}

// The registers that a function keeps for its caller, as they are here.
[[gnu::always_inline]] inline void load_here(std::uintptr_t (&to)[kRegisters]) {
  asm volatile("stmg %%r0, %%r15, 0(%0)\n\tlarl %%r1, .\n\tstg %%r1, 128(%0)" : : "a"(to) : "r1", "memory");
}

}  // namespace arch
