// How the caller's registers are found at one instruction of a function, as its object's .eh_frame says it (DWARF 5,
// section 6.4, with the changes of the Linux Standard Base).
#pragma once

#include "system/arch/machine.h"
#include "unwind/reader.h"

namespace unwind {

using arch::kRegisters;
using arch::kReturn;
using arch::kStack;

// What a rule can start from besides the registers.
constexpr unsigned kFrameAddress = kRegisters;
constexpr unsigned kOtherRegister = kRegisters + 1;  // one that is not followed, such as a vector's
constexpr unsigned kExpression = kRegisters + 2;

// A value: what is in `base`, plus `offset`; of an expression `offset` is where it stands.
// Small, since rows are made on a signal handler's stack.
struct Rule {
  constexpr Rule(unsigned from = 0, std::uintptr_t plus = 0, bool loaded = false)
      : base(static_cast<std::uint16_t>(from)), is_loaded(loaded), offset(plus) {}

  std::uint16_t base;
  bool is_loaded;  // from the stack, where that value points to
  std::uintptr_t offset;
};

struct Row {
  Row() {
    for (unsigned i = 0; i <= kOtherRegister; ++i) rules[i] = {i};
    rules[kStack] = {kFrameAddress};
  }

  Rule rules[kOtherRegister + 1];  // of the caller's registers, and of the frame's address
  std::uintptr_t return_register = kReturn;
  bool is_signal_frame = false;  // the caller was interrupted, and did not call
  bool is_last = false;          // there is none
  bool is_guess = false;         // no table has said it
  bool is_unknown = false;       // nor anything else
  Range memory;                  // where the expressions are
};

// An object's memory, where its .eh_frame_hdr is in it, and what tells it from others that come to the same place. What
// is no object, such as code that is made at run time, has none of these.
struct Object {
  Range memory;
  std::uintptr_t table = 0;
  std::uintptr_t identity = 0;
};

// Fills in a new row, for `place`. False where it is not said.
bool find_row(const Object& object, std::uintptr_t place, Row& row);

}  // namespace unwind
