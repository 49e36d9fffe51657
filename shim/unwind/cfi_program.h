// The call frame instructions of .eh_frame: a program that makes the row of rules for one place in a function (DWARF 5,
// section 6.4.2; the numbers are in table 7.29).
#pragma once

#include "unwind/cfi.h"

namespace unwind {

class CfiProgram {
 public:
  CfiProgram(Row& row, std::uintptr_t function, std::uintptr_t code_unit, std::uintptr_t data_unit)
      : row_(row), at_(function), code_unit_(code_unit), data_unit_(data_unit) {}

  // Goes on to the row for one place. False for an instruction that is not known.
  bool run(Reader instructions, std::uintptr_t place) {
    begun_ = row_;
    while (instructions.goes_on() && at_ <= place)
      if (!execute(instructions)) return false;
    return !instructions.failed();
  }

 private:
  bool execute(Reader& reader) {
    const auto code = reader.take<std::uint8_t>();
    const bool has_operand = code >= 0x40;  // in its low six bits
    const std::uintptr_t operand = code & 0x3f;
    const auto next_register = [&] { return followed(has_operand ? operand : reader.unsigned_leb()); };
    auto& rules = row_.rules;
    unsigned to = 0;
    switch (has_operand ? code & 0xc0 : code) {
      case 0x00:  // nop
        return true;
      case 0x40:  // advance_loc
        at_ += operand * code_unit_;
        return true;
      case 0x02:  // advance_loc1
        at_ += reader.take<std::uint8_t>() * code_unit_;
        return true;
      case 0x03:  // advance_loc2
        at_ += reader.take<std::uint16_t>() * code_unit_;
        return true;
      case 0x04:  // advance_loc4
        at_ += reader.take<std::uint32_t>() * code_unit_;
        return true;
      case 0x80:  // offset
      case 0x05:  // offset_extended
        to = next_register();
        rules[to] = {kFrameAddress, reader.unsigned_leb() * data_unit_, true};
        return true;
      case 0x11:  // offset_extended_sf
        to = next_register();
        rules[to] = {kFrameAddress, reader.signed_leb() * data_unit_, true};
        return true;
      case 0xc0:  // restore
      case 0x06:  // restore_extended
        to = next_register();
        rules[to] = begun_.rules[to];
        return true;
      case 0x07:  // undefined: there is no caller, where it is the return address
      case 0x08:  // same_value
        to = next_register();
        if (code == 0x07 && to == row_.return_register) row_.is_last = true;
        rules[to] = {to};
        return true;
      case 0x09:  // register
        to = next_register();
        rules[to] = {next_register()};
        return true;
      case 0x10:  // expression
        to = next_register();
        rules[to] = {kExpression, reader.at(), true};
        reader.skip(reader.unsigned_leb());
        return true;
      case 0x0a:  // remember_state; nobody does so twice
        remembered_ = row_;
        return true;
      case 0x0b:  // restore_state
        row_ = remembered_;
        return true;
      case 0x0d:  // def_cfa_register
        rules[kFrameAddress].base = next_register();
        return true;
      case 0x0c:  // def_cfa
        rules[kFrameAddress].base = next_register();
        [[fallthrough]];
      case 0x0e:  // def_cfa_offset
        rules[kFrameAddress].offset = reader.unsigned_leb();
        return true;
      case 0x13:  // def_cfa_offset_sf
        rules[kFrameAddress].offset = reader.signed_leb() * data_unit_;
        return true;
      case 0x0f:  // def_cfa_expression
        rules[kFrameAddress] = {kExpression, reader.at()};
        reader.skip(reader.unsigned_leb());
        return true;
      case 0x2e:  // GNU_args_size
        reader.unsigned_leb();
        return true;
      default:
        return false;
    }
  }

  static std::uint16_t followed(std::uintptr_t number) {
    return static_cast<std::uint16_t>(number < kRegisters ? number : kOtherRegister);
  }

  Row& row_;
  Row begun_ = row_;
  Row remembered_ = row_;
  std::uintptr_t at_;
  std::uintptr_t code_unit_;
  std::uintptr_t data_unit_;
};

}  // namespace unwind
