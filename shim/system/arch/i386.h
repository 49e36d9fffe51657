// i386: after a system call EAX holds the result and the arguments are still in EBX, ECX, EDX, ESI (EDI, EBP).
#pragma once

#include <linux/net.h>
#include <sys/stat.h>

#include "system/arch/x86.h"

namespace arch {

inline long system_call(long number, long a, long b, long c, long d, long e) {
  long result;
  asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
  return result;
}

// nosigpipe_syscall(number, six arguments), with errors as -errno: what syscall(2) is made by. All registers are
// arguments, so a handler that finds the thread behind its instruction has the number on top of the stack.
#define ARCH_SYSCALL                                     \
  ".hidden nosigpipe_syscall, nosigpipe_after_syscall\n" \
  ".globl nosigpipe_syscall, nosigpipe_after_syscall\n"  \
  ".type nosigpipe_syscall, @function\n"                 \
  "nosigpipe_syscall:\n"                                 \
  ".cfi_startproc\n" ARCH_LANDS                          \
  "push %ebp\n"                                          \
  ".cfi_def_cfa_offset 8\n"                              \
  ".cfi_offset %ebp, -8\n"                               \
  "push %edi\n"                                          \
  ".cfi_def_cfa_offset 12\n"                             \
  ".cfi_offset %edi, -12\n"                              \
  "push %esi\n"                                          \
  ".cfi_def_cfa_offset 16\n"                             \
  ".cfi_offset %esi, -16\n"                              \
  "push %ebx\n"                                          \
  ".cfi_def_cfa_offset 20\n"                             \
  ".cfi_offset %ebx, -20\n"                              \
  "mov 20(%esp), %eax\n"                                 \
  "mov 24(%esp), %ebx\n"                                 \
  "mov 28(%esp), %ecx\n"                                 \
  "mov 32(%esp), %edx\n"                                 \
  "mov 36(%esp), %esi\n"                                 \
  "mov 40(%esp), %edi\n"                                 \
  "mov 44(%esp), %ebp\n"                                 \
  "push %eax\n"                                          \
  ".cfi_def_cfa_offset 24\n"                             \
  "int $0x80\n"                                          \
  "nosigpipe_after_syscall:\n"                           \
  "add $4, %esp\n"                                       \
  ".cfi_def_cfa_offset 20\n"                             \
  "pop %ebx\n"                                           \
  ".cfi_def_cfa_offset 16\n"                             \
  ".cfi_restore %ebx\n"                                  \
  "pop %esi\n"                                           \
  ".cfi_def_cfa_offset 12\n"                             \
  ".cfi_restore %esi\n"                                  \
  "pop %edi\n"                                           \
  ".cfi_def_cfa_offset 8\n"                              \
  ".cfi_restore %edi\n"                                  \
  "pop %ebp\n"                                           \
  ".cfi_def_cfa_offset 4\n"                              \
  ".cfi_restore %ebp\n"                                  \
  "ret\n"                                                \
  ".cfi_endproc\n"                                       \
  ".size nosigpipe_syscall, . - nosigpipe_syscall\n"
using File = struct stat64;
constexpr long kStat = SYS_fstatat64;
constexpr long kMap = SYS_mmap2;

// Where a signal with a lower number arrives at the same time, the kernel makes its frame first and lets ours interrupt
// the first instruction of its handler: the system call is in the context that this handler is about to be given. A
// handler without SA_SIGINFO finds the registers themselves behind its only argument; who calls one as the kernel does,
// as we do, has other things there than the segments that the thread has.
inline Registers of_system_call(const void* context) {
  constexpr greg_t kInfo = 16, kContext = kInfo + greg_t{sizeof(siginfo_t)};  // in the kernel's frame
  const auto* registers = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs;
  while (registers[REG_EAX] > 0 && registers[REG_EAX] < NSIG) {
    const auto stack = registers[REG_ESP];
    if (registers[REG_EDX] == stack + kInfo && registers[REG_ECX] == stack + kContext) {
      registers = reinterpret_cast<const ucontext_t*>(registers[REG_ECX])->uc_mcontext.gregs;
      continue;
    }
    const auto* frame = reinterpret_cast<const greg_t*>(stack);
    if (registers[REG_EDX] != 0 || registers[REG_ECX] != 0 || frame[1] != registers[REG_EAX]) break;
    if (frame[2 + REG_CS] != registers[REG_CS] || frame[2 + REG_SS] != registers[REG_SS]) break;
    registers = frame + 2;
  }
  return registers;
}

// Whether these bytes of code stand in front of the return address.
template <unsigned kSize>
bool returns_behind(std::uintptr_t address, const unsigned char (&call)[kSize]) {
  return readable(address, kSize) && memcmp(reinterpret_cast<const unsigned char*>(address) - kSize, call, kSize) == 0;
}

template <unsigned kSize>
bool continues(std::uintptr_t address, const unsigned char (&code)[kSize]) {
  const auto* there = reinterpret_cast<const unsigned char*>(address);  // its page may end with the first that differs
  for (unsigned i = 0; i < kSize; ++i)
    if (there[i] != code[i]) return false;
  return true;
}

constexpr unsigned char kEndOfVdso[] = {0x5d, 0x5a, 0x59, 0xc3};

// libc comes to the vdso's entry by `call *%gs:0x10`, and the vdso keeps three registers above the return address,
// which it takes back next. The number was loaded before that call; where there are six arguments, the call stands in a
// function of its own, which takes three more registers back, and the number was loaded before that was called.
inline long number(const Interrupted& call, const std::uintptr_t* stack) {
  const auto at = reinterpret_cast<std::uintptr_t>(call.call_site);
  if (at == reinterpret_cast<std::uintptr_t>(&nosigpipe_after_syscall)) return static_cast<long>(stack[0]);
  constexpr unsigned char kCall[] = {0x65, 0xff, 0x15, 0x10, 0x00, 0x00, 0x00};
  constexpr unsigned char kEndOfSix[] = {0x5d, 0x5f, 0x5b, 0xc3};
  const bool in_vdso = continues(at, kEndOfVdso) && returns_behind(stack[3], kCall);
  const long loaded = !in_vdso                         ? loaded_before(at, 2)
                      : continues(stack[3], kEndOfSix) ? loaded_before(stack[7], 5)
                                                       : loaded_before(stack[3], sizeof kCall);
  if (loaded != kUnknown || !may_have_written(call) || !glibc.holds(in_vdso ? stack[3] : at)) return loaded;
  return pushed_above<kPushedNarrow>(stack, call.arguments);
}

inline long sent_by(long socketcall) {
  switch (socketcall) {
    case SYS_SEND:
    case SYS_SENDTO:
      return SYS_sendto;
    case SYS_SENDMSG:
      return SYS_sendmsg;
    case SYS_SENDMMSG:
      return SYS_sendmmsg;
    default:
      return SYS_socketcall;
  }
}

// socketcall(2), by which libc may send, has which call it is in EBX, and its arguments in memory at ECX.
inline Interrupted without_socketcall(Interrupted at) {
  if (at.number != SYS_socketcall || !may_have_written(at)) return at;
  const auto* arguments = reinterpret_cast<const long*>(at.arguments[1]);
  at.number = sent_by(at.arguments[0]);
  for (unsigned i = 0; i < 4 && at.number != SYS_socketcall; ++i) at.arguments[i] = arguments[i];
  return at;
}

// What is taken back next, and what a function need not keep. Elsewhere an `int $0x80` changes no register but EAX.
inline bool has_free_ecx(std::uintptr_t at) {
  return at == reinterpret_cast<std::uintptr_t>(&nosigpipe_after_syscall) || continues(at, kEndOfVdso);
}
inline bool is_behind_call(const void* context) {
  const auto at = static_cast<std::uintptr_t>(of_system_call(context)[REG_EIP]);
  return follows(at, 0xcd, 0x80) && has_free_ecx(at);
}
inline void note_met(const void* context) {
  const_cast<greg_t*>(of_system_call(context))[REG_ECX] = reinterpret_cast<greg_t>(&met);
}
inline const void* place(const void* context) {
  return reinterpret_cast<const void*>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_EIP]);
}

// As the kernel calls a handler: on the stack, and for who is compiled with -mregparm=3 in registers, which say nothing
// of the siginfo to whom has not asked for it.
inline void call(void (*handler)(int, siginfo_t*, void*), int signal, siginfo_t* info, void* context,
                 bool wants_siginfo) {
  using InBoth = void(__attribute__((regparm(3)))*)(int, siginfo_t*, void*, int, siginfo_t*, void*);
  const auto in_both = reinterpret_cast<InBoth>(reinterpret_cast<void*>(handler));
  in_both(signal, wants_siginfo ? info : nullptr, wants_siginfo ? context : nullptr, signal, info, context);
}

// sigreturn(2) leaves the alternate stack alone, rt_sigreturn does not.
constexpr bool kHasOldFrame = true;

// The vdso's entry, too, comes back right after an `int $0x80`, whichever instruction it used.
inline Interrupted interrupted(const void* context) {
  const auto* registers = of_system_call(context);
  const auto at = static_cast<std::uintptr_t>(registers[REG_EIP]);
  Interrupted found{follows(at, 0xcd, 0x80),
                    true,
                    registers[REG_EAX],
                    kUnknown,
                    {registers[REG_EBX], registers[REG_ECX], registers[REG_EDX], registers[REG_ESI], registers[REG_EDI],
                     registers[REG_EBP]},
                    reinterpret_cast<const void*>(at),
                    registers[REG_ECX] == reinterpret_cast<greg_t>(&met)};
  if (!found.in_call || found.is_met) return found;
  found.number = number(found, reinterpret_cast<const std::uintptr_t*>(registers[REG_ESP]));
  return without_socketcall(found);
}

// DWARF numbers 0 to 8: the System V ABI's supplement for this machine, table 2.14.
constexpr unsigned kRegisters = 9, kStack = 4, kReturn = 8;
constexpr FrameRecord kFrameRecord{5, 0, 4, 8};

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
