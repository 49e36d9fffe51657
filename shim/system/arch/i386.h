// i386: after a system call EAX holds the result and the arguments are still in EBX, ECX, EDX, ESI (EDI, EBP).
#pragma once

#include <sys/stat.h>

#include "system/arch/interrupted.h"

namespace arch {

inline long system_call(long number, long a, long b, long c, long d, long e) {
  long result;
  asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
  return result;
}

using File = struct stat64;
constexpr long kStat = SYS_fstatat64;

// Where a signal that we queue carries its mark. Of si_value a 64-bit kernel logs a 32-bit process nothing.
inline int& mark_in(siginfo_t& info) { return info.si_errno; }

using Registers = const greg_t*;

// Where a signal with a lower number arrives at the same time, the kernel makes its frame first and lets ours interrupt
// the first instruction of its handler: the system call is in the context that this handler is about to be given. A
// handler without SA_SIGINFO finds the registers themselves behind its only argument.
inline Registers of_system_call(const void* context) {
  const auto* registers = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs;
  while (registers[REG_EAX] > 0 && registers[REG_EAX] < NSIG) {
    const auto* frame = reinterpret_cast<const greg_t*>(registers[REG_ESP]);
    if (frame[1] != registers[REG_EAX]) break;
    const bool has_context = frame[2] == registers[REG_EDX] && frame[3] == registers[REG_ECX];
    if (!has_context && (registers[REG_EDX] != 0 || registers[REG_ECX] != 0)) break;
    registers = has_context ? reinterpret_cast<const ucontext_t*>(frame[3])->uc_mcontext.gregs : frame + 2;
  }
  return registers;
}

// The vdso's entry, too, comes back right after an `int $0x80`, whichever instruction it used.
inline Interrupted interrupted(const void* context) {
  const auto* registers = of_system_call(context);
  const auto at = static_cast<std::uintptr_t>(registers[REG_EIP]);
  return {follows(at, 0xcd, 0x80),
          true,
          registers[REG_EAX],
          loaded_before(at),
          {registers[REG_EBX], registers[REG_ECX], registers[REG_EDX], registers[REG_ESI]},
          reinterpret_cast<const void*>(at)};
}

// DWARF numbers 0 to 8: the System V ABI's supplement for this machine, table 2.14.
constexpr unsigned kRegisters = 9, kStack = 4, kReturn = 8;

inline void load(const void* context, std::uintptr_t (&to)[kRegisters]) {
  constexpr int kNumbers[] = {REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI, REG_EIP};
  const auto* registers = of_system_call(context);
  for (unsigned i = 0; i < kRegisters; ++i) to[i] = static_cast<std::uintptr_t>(registers[kNumbers[i]]);
}

// The registers that a function keeps for its caller, as they are here.
[[gnu::always_inline]] inline void load_here(std::uintptr_t (&to)[kRegisters]) {
  asm volatile(
      "movl %%ebx, 12(%0)\n\tmovl %%esp, 16(%0)\n\tmovl %%ebp, 20(%0)\n\tmovl %%esi, 24(%0)\n\tmovl %%edi, 28(%0)\n\t"
      "call 1f\n1:\tpopl %%eax\n\tmovl %%eax, 32(%0)"
      :
      : "r"(to)
      : "eax", "memory");
}

}  // namespace arch
