// The signal frame of a thread: what makes it whole again when rt_sigreturn(2) finds it, registers, mask and floating
// point; and how those lie in one.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>
#include <string>

#include "attach/machine.h"

namespace attach {

struct Frame {
  std::string bytes;
  std::uint64_t at;       // where it is to stand: what the stack pointer is at the call of rt_sigreturn
  std::uint64_t result;   // where in it the register of the result is
  std::uint64_t counter;  // where in it the program counter is
};

struct FloatingPoint {
  std::string extended;  // what PTRACE_GETREGSET gives for NT_X86_XSTATE
  std::string old;       // and for NT_PRFPREG, which a frame of i386 has besides
};

// For these registers, to stand below `top`. Throws NotNow where the floating point is not understood.
Frame make_frame(Machine machine, const user_regs_struct& registers, std::uint64_t mask, FloatingPoint floating,
                 std::uint64_t top);

// Those of i386 as the kernel writes them; its asm/sigcontext.h and asm/ucontext.h have them for its own machine alone.
namespace i386 {

struct Registers {
  std::uint32_t gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, trap, error, eip, cs, eflags, esp_at_signal, ss;
  std::uint32_t floating, old_mask, fault;
};

struct Context {
  std::uint32_t flags, link;
  struct {
    std::uint32_t at, flags, size;
  } alternate;
  Registers registers;
  std::uint32_t mask[2];
};

// Behind the address that a handler returns to, which its return takes off the stack: of one with SA_SIGINFO, and of
// one without.
struct InfoFrame {
  std::uint32_t signal, info_at, context_at;
  unsigned char info[128];
  Context context;
};
struct PlainFrame {
  std::uint32_t signal;
  Registers registers;
};

}  // namespace i386
}  // namespace attach
