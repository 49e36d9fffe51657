// From a function to its caller, by the tables that compilers leave for exceptions (.eh_frame, DWARF 5 section 6.4).
// Without libgcc's unwinder, which allocates and takes the dynamic linker's lock.
#pragma once

#include <ucontext.h>

#include <cstdint>

#include "context.h"
#include "dwarf.h"

namespace unwind {

using dwarf::kRegisters;
using dwarf::kReturn;
using dwarf::kStack;
using dwarf::Range;

struct Frame {
  std::uintptr_t registers[kRegisters];
  bool is_exact;  // the instruction pointer is where a signal came, not where a call returns to

  std::uintptr_t instruction() const { return registers[kReturn]; }
  std::uintptr_t stack() const { return registers[kStack]; }

  // Where the instruction is that made the call; a return address may already be in the next function.
  std::uintptr_t place() const { return instruction() - (is_exact ? 0 : 1); }
};

// Goes on to the caller. `table` is the address of the object's .eh_frame_hdr, `object` all of its memory. False where
// the tables do not say, or would lead out of `object` and `stack`.
bool step(Frame& frame, std::uintptr_t table, Range object, Range stack);

// The function that a signal has interrupted.
Frame interrupted(const void* context);

// The function in which this stands. Of aarch64's only the caller would be known, so it has none.
[[gnu::always_inline]] inline Frame here() {
  Frame frame{};
  frame.is_exact = true;
  auto* to = frame.registers;
#if defined(__x86_64__)
  asm volatile(
      "movq %%rbx, 24(%0)\n\tmovq %%rbp, 48(%0)\n\tmovq %%rsp, 56(%0)\n\tmovq %%r12, 96(%0)\n\tmovq %%r13, 104(%0)\n\t"
      "movq %%r14, 112(%0)\n\tmovq %%r15, 120(%0)\n\tleaq 0(%%rip), %%rax\n\tmovq %%rax, 128(%0)"
      :
      : "r"(to)
      : "rax", "memory");
#elif defined(__i386__)
  asm volatile(
      "movl %%ebx, 12(%0)\n\tmovl %%esp, 16(%0)\n\tmovl %%ebp, 20(%0)\n\tmovl %%esi, 24(%0)\n\tmovl %%edi, 28(%0)\n\t"
      "call 1f\n1:\tpopl %%eax\n\tmovl %%eax, 32(%0)"
      :
      : "r"(to)
      : "eax", "memory");
#else
  (void)to;
#endif
  return frame;
}

}  // namespace unwind
