// The call frame instructions of .eh_frame, a program that builds the row of rules for one place in a function (DWARF
// 5, section 6.4.2).
#pragma once

#include "unwind/cfi.h"

namespace dwarf {

// What the common entry (CIE) and the function's own (FDE) say of one function.
struct Entry {
  std::uintptr_t function;
  std::uintptr_t code_unit = 1;
  std::intptr_t data_unit = 1;
  Range common;  // instructions
  Range own;
};

// Runs through instructions up to the row for one place.
class CfiProgram {
 public:
  CfiProgram(const Entry& entry, Range object) : entry_(entry), object_(object), at_(entry.function) {}

  // False for an instruction that is not known, or that lies outside the object.
  bool run(Range instructions, std::uintptr_t last, Row& row) {
    const Row initial = row;
    Reader reader(instructions.begin, {object_.begin, instructions.end});
    while (reader.at() < instructions.end && at_ <= last)
      if (!execute(reader, initial, row) || reader.failed()) return false;
    return true;
  }

 private:
  void advance(std::uintptr_t units) { at_ += units * entry_.code_unit; }
  std::int32_t scaled(std::intptr_t units) const { return static_cast<std::int32_t>(units * entry_.data_unit); }
  static std::intptr_t plain(std::uintptr_t value) { return static_cast<std::intptr_t>(value); }

  static void set(Row& row, std::uintptr_t number, Rule rule) {
    if (number < kRegisters) row.rules[number] = rule;
  }
  static void restore(Row& row, const Row& initial, std::uintptr_t number) {
    if (number < kRegisters) row.rules[number] = initial.rules[number];
  }
  static void set_frame(Row& row, std::uintptr_t number, std::intptr_t offset) {
    row.frame_register = static_cast<unsigned>(number);
    row.frame_address = {Rule::Kind::is_offset, static_cast<std::int32_t>(offset)};
  }
  Rule expression(Reader& reader, Rule::Kind kind) const {
    const Rule rule{kind, static_cast<std::int32_t>(reader.at() - object_.begin)};
    const auto length = reader.unsigned_leb();
    reader.skip(length);
    return rule;
  }

  bool execute(Reader& reader, const Row& initial, Row& row) {
    using enum Rule::Kind;
    const auto code = reader.take<std::uint8_t>();
    const std::uint8_t low = code & 0x3f;
    switch (code & 0xc0) {
      case DW_CFA_advance_loc:
        return advance(low), true;
      case DW_CFA_offset:
        return set(row, low, {at_offset, scaled(plain(reader.unsigned_leb()))}), true;
      case DW_CFA_restore:
        return restore(row, initial, low), true;
      default:
        break;
    }
    const auto number = [&] { return reader.unsigned_leb(); };
    std::uintptr_t of = 0;
    switch (code) {
      case DW_CFA_nop:
        return true;
      case DW_CFA_advance_loc1:
        return advance(reader.take<std::uint8_t>()), true;
      case DW_CFA_advance_loc2:
        return advance(reader.take<std::uint16_t>()), true;
      case DW_CFA_advance_loc4:
        return advance(reader.take<std::uint32_t>()), true;
      case DW_CFA_offset_extended:
        of = number();
        return set(row, of, {at_offset, scaled(plain(reader.unsigned_leb()))}), true;
      case DW_CFA_restore_extended:
        return restore(row, initial, number()), true;
      case DW_CFA_undefined:
        return set(row, number(), {undefined, 0}), true;
      case DW_CFA_same_value:
        return set(row, number(), {same, 0}), true;
      case DW_CFA_register:
        of = number();
        return set(row, of, {in_register, static_cast<std::int32_t>(number())}), true;
      case DW_CFA_remember_state:
        if (depth_ == kDeepest) return false;
        remembered_[depth_++] = row;
        return true;
      case DW_CFA_restore_state:
        if (depth_ == 0) return false;
        row = remembered_[--depth_];
        return true;
      case DW_CFA_def_cfa:
        of = number();
        return set_frame(row, of, plain(reader.unsigned_leb())), true;
      case DW_CFA_def_cfa_register:
        row.frame_register = static_cast<unsigned>(number());
        return true;
      case DW_CFA_def_cfa_offset:
        row.frame_address.value = static_cast<std::int32_t>(reader.unsigned_leb());
        return true;
      case DW_CFA_def_cfa_expression:
        row.frame_address = expression(reader, is_expression);
        return true;
      case DW_CFA_expression:
        of = number();
        return set(row, of, expression(reader, at_expression)), true;
      case DW_CFA_offset_extended_sf:
        of = number();
        return set(row, of, {at_offset, scaled(reader.signed_leb())}), true;
      case DW_CFA_def_cfa_sf:
        of = number();
        return set_frame(row, of, scaled(reader.signed_leb())), true;
      case DW_CFA_def_cfa_offset_sf:
        row.frame_address.value = scaled(reader.signed_leb());
        return true;
      case DW_CFA_val_offset:
        of = number();
        return set(row, of, {is_offset, scaled(plain(reader.unsigned_leb()))}), true;
      case DW_CFA_val_expression:
        of = number();
        return set(row, of, expression(reader, is_expression)), true;
      case DW_CFA_GNU_args_size:
        reader.unsigned_leb();
        return true;
      default:
        return false;
    }
  }

  // Compilers remember one row at a time; hand-written tables may nest.
  static constexpr unsigned kDeepest = 3;
  const Entry& entry_;
  Range object_;
  std::uintptr_t at_;
  Row remembered_[kDeepest];
  unsigned depth_ = 0;
};

}  // namespace dwarf
