// From a function to its caller, by the tables that compilers leave for exceptions (.eh_frame). Without libgcc's
// unwinder, which allocates and takes the dynamic linker's lock.
#pragma once

#include "unwind/cfi.h"

namespace unwind {

struct Frame {
  std::uintptr_t registers[kRegisters];
  bool is_exact;              // the instruction pointer is where a signal came, not where a call returns to
  std::uintptr_t returns_at;  // where in memory it was found; 0: in none

  std::uintptr_t instruction() const { return registers[kReturn]; }
  std::uintptr_t stack() const { return registers[kStack]; }

  // Where the instruction is that made the call; a return address may already be in the next function.
  std::uintptr_t place() const { return instruction() - (is_exact ? 0 : 1); }
};

// Goes on to the caller of a function of `object`. False, and the frame as it was, where the tables do not say, or
// would lead out of the object and `stack`. Safe in a signal handler: reads memory only, and none outside these two.
bool step(Frame& frame, const Object& object, Range stack);

// The function that a signal has interrupted; `context` is a handler's third argument.
inline Frame interrupted(const void* context) {
  Frame frame{};
  frame.is_exact = true;
  arch::load(context, frame.registers);
  return frame;
}

// The function in which this stands. On a machine whose load_here() gives nothing, a frame without a caller.
[[gnu::always_inline]] inline Frame here() {
  Frame frame{};
  frame.is_exact = true;
  arch::load_here(frame.registers);
  return frame;
}

}  // namespace unwind
