// The signal frame of a thread: what makes it whole again when rt_sigreturn(2) finds it, registers, mask and floating
// point.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>
#include <string>

namespace attach {

struct Frame {
  std::string bytes;
  std::uint64_t at;       // where it is to stand: what the stack pointer is at the call of rt_sigreturn
  std::uint64_t result;   // where in it the register of the result is
  std::uint64_t counter;  // where in it the program counter is
};

// For these registers, to stand below `top`. `extended` is what PTRACE_GETREGSET gives for NT_X86_XSTATE. Throws NotNow
// where it is not understood.
Frame make_frame(const user_regs_struct& registers, std::uint64_t mask, std::string extended, std::uint64_t top);

}  // namespace attach
