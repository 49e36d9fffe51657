// What a signal handler can read of the system call that its signal interrupted.
#pragma once

#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace context {

constexpr long kUnknown = -1;

struct Interrupted {
  bool in_call;           // the thread is just back from a system call
  bool has_arguments;     // the registers still hold what it was called with
  long result;            // as the kernel gave it, errors as -errno
  long number;            // of the system call, or kUnknown
  long arguments[4];      // the first four
  const void* call_site;  // the instruction after the call
};

// `code` begins `size` bytes before the instruction pointer. Nothing says that the page before it can be read.
inline bool readable(std::uintptr_t instruction, unsigned size) { return (instruction & 4095) >= size; }

inline bool follows(std::uintptr_t instruction, unsigned first, unsigned second) {
  if (!readable(instruction, 2)) return true;
  const auto* code = reinterpret_cast<const unsigned char*>(instruction);
  return code[-2] == first && code[-1] == second;
}

// The number, if it was loaded right before: b8 and four bytes are `mov $number, %eax`.
inline long loaded_before(std::uintptr_t instruction) {
  if (!readable(instruction, 7)) return kUnknown;
  const auto* code = reinterpret_cast<const unsigned char*>(instruction);
  if (code[-7] != 0xb8) return kUnknown;
  std::int32_t number;
  memcpy(&number, code - 6, sizeof number);
  return number;
}

#if defined(__x86_64__)
// Where a signal with a lower number arrives at the same time, the kernel makes its frame first and lets ours interrupt
// the first instruction of its handler: the system call is in the context that this handler is about to be given.
inline const greg_t* of_system_call(const void* context) {
  const auto* registers = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs;
  constexpr greg_t kContextSize = offsetof(ucontext_t, uc_sigmask) + 8;  // in the kernel's frame, before the siginfo
  while (registers[REG_RDI] > 0 && registers[REG_RDI] < NSIG && registers[REG_RDX] == registers[REG_RSP] + 8 &&
         registers[REG_RSI] == registers[REG_RDX] + kContextSize)
    registers = reinterpret_cast<const ucontext_t*>(registers[REG_RDX])->uc_mcontext.gregs;
  return registers;
}

inline Interrupted read(const void* context) {
  const auto* registers = of_system_call(context);
  const auto at = static_cast<std::uintptr_t>(registers[REG_RIP]);
  return {follows(at, 0x0f, 0x05),  // syscall
          true,
          registers[REG_RAX],
          loaded_before(at),
          {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX], registers[REG_R10]},
          reinterpret_cast<const void*>(at)};
}
#elif defined(__i386__)
// The same; a handler without SA_SIGINFO finds the registers themselves behind its only argument.
inline const greg_t* of_system_call(const void* context) {
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
inline Interrupted read(const void* context) {
  const auto* registers = of_system_call(context);
  const auto at = static_cast<std::uintptr_t>(registers[REG_EIP]);
  return {follows(at, 0xcd, 0x80),
          true,
          registers[REG_EAX],
          loaded_before(at),
          {registers[REG_EBX], registers[REG_ECX], registers[REG_EDX], registers[REG_ESI]},
          reinterpret_cast<const void*>(at)};
}
#elif defined(__aarch64__)
// The same.
inline const mcontext_t& of_system_call(const void* context) {
  const auto* machine = &static_cast<const ucontext_t*>(context)->uc_mcontext;
  while (machine->regs[0] > 0 && machine->regs[0] < NSIG && machine->regs[1] == machine->sp &&
         machine->regs[2] == machine->sp + sizeof(siginfo_t))
    machine = &reinterpret_cast<const ucontext_t*>(machine->regs[2])->uc_mcontext;
  return *machine;
}

// The result has taken the place of the first argument.
inline Interrupted read(const void* context) {
  const auto& machine = of_system_call(context);
  constexpr std::uint32_t kSvc = 0xd4000001;  // svc 0
  std::uint32_t instruction = kSvc;
  if (readable(machine.pc, 4)) memcpy(&instruction, reinterpret_cast<const void*>(machine.pc - 4), sizeof instruction);
  return {instruction == kSvc,
          false,
          static_cast<long>(machine.regs[0]),
          static_cast<long>(machine.regs[8]),
          {kUnknown, static_cast<long>(machine.regs[1]), static_cast<long>(machine.regs[2]),
           static_cast<long>(machine.regs[3])},
          reinterpret_cast<const void*>(machine.pc)};
}
#endif

}  // namespace context
