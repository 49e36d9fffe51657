// What an object's .eh_frame says of one function at one instruction: how its caller's registers are found (DWARF 5,
// section 6.4, with the changes of the Linux Standard Base).
#pragma once

#include "system/arch/machine.h"
#include "unwind/dwarf_reader.h"

namespace dwarf {

using arch::kRegisters;
using arch::kReturn;
using arch::kStack;

// How one register of the caller is found.
struct Rule {
  enum class Kind : std::uint8_t { same, at_offset, is_offset, in_register, at_expression, is_expression, undefined };
  Kind kind = Kind::same;
  std::int32_t value = 0;  // offset from the frame's address, register, or where the expression is in the object
};

struct Row {
  Rule frame_address;  // is_offset: from `frame_register`; is_expression
  unsigned frame_register = kStack;
  Rule rules[kRegisters];
  std::uintptr_t return_register = kReturn;
  bool is_signal_frame = false;  // the caller was interrupted, and did not call
};

// The row for `place`. `table` is the address of the object's .eh_frame_hdr, `object` all of its memory. False where it
// is not said.
bool find_row(std::uintptr_t table, Range object, std::uintptr_t place, Row& row);

}  // namespace dwarf
