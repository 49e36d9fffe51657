// From a function to its caller, by the tables that compilers leave for exceptions (.eh_frame), or by a guess. Without
// libgcc's unwinder, which allocates and takes the dynamic linker's lock. All are safe in a signal handler, and read
// nothing that may not be there.
#pragma once

#include "unwind/cfi.h"
#include "unwind/words.h"

namespace unwind {

// What frames of varying size have their place by; kRegisters where a guess knows of none.
constexpr unsigned kPointer = arch::kFrameRecord.pointer;

struct Frame {
  std::uintptr_t registers[kRegisters];
  bool is_exact;              // the instruction pointer is where a signal came, not where a call returns to
  bool is_guessed = false;    // no table has led here, or not all the way
  std::uintptr_t returns_at;  // where in memory it was found; 0: in none
  std::uintptr_t pointer_at;  // the same of the frame pointer; 0: it is in its register

  std::uintptr_t instruction() const { return registers[kReturn]; }
  std::uintptr_t stack() const { return registers[kStack]; }
  std::uintptr_t pointer() const {
    if constexpr (kPointer < kRegisters) return registers[kPointer];
    return 0;
  }

  // Where the instruction is that made the call; a return address may already be in the next function.
  std::uintptr_t place() const { return instruction() - (is_exact ? 0 : 1); }
};

// How the caller of a function of `object` is found: by its tables, or else by guess() where one may guess. Remembered.
Row row_of(const Frame& frame, const Object& object, bool may_guess = true);

// Goes on to the caller as this row says it. False, and the frame as it was, where that leads out of the stack, or what
// was guessed leads to what no call returns to.
bool follow(Frame& frame, const Row& row, Stack& stack);

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
