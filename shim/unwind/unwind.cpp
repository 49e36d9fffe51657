#include "unwind/unwind.h"

#include <cstring>

#include "unwind/cfi.h"

namespace unwind {
namespace {

using dwarf::Reader;
using dwarf::Row;
using dwarf::Rule;
using namespace dwarf;  // DW_OP_*

// One step's memory: the caller's registers are read from the stack alone.
struct Machine {
  const Frame& frame;
  Range object;
  Range stack;
  bool failed = false;

  std::uintptr_t load(std::uintptr_t address) {
    std::uintptr_t value = 0;
    const auto* there = reinterpret_cast<const void*>(address);
    failed = failed || there == nullptr || !stack.holds(address, sizeof value);
    if (!failed) memcpy(&value, there, sizeof value);
    return value;
  }

  std::uintptr_t in(std::uintptr_t number) {
    failed = failed || number >= kRegisters;
    return failed ? 0 : frame.registers[number];
  }

  // The few operations that signal frames and procedure linkage tables are written with.
  std::uintptr_t evaluate(std::int32_t expression, std::uintptr_t first) {
    std::uintptr_t values[16] = {first};
    unsigned count = 1;
    Reader reader(object.begin + static_cast<std::uintptr_t>(expression), object);
    const auto length = reader.unsigned_leb();
    const auto end = reader.at() + length;
    while (reader.at() < end && !reader.failed() && !failed && count > 0 && count < 15) {
      const auto code = reader.take<std::uint8_t>();
      auto& top = values[count - 1];
      auto& below = values[count >= 2 ? count - 2 : 0];
      if (code >= DW_OP_lit0 && code <= DW_OP_lit31) {
        values[count++] = static_cast<std::uintptr_t>(code - DW_OP_lit0);
      } else if (code >= DW_OP_breg0 && code <= DW_OP_breg31) {
        values[count++] =
            in(static_cast<std::uintptr_t>(code - DW_OP_breg0)) + static_cast<std::uintptr_t>(reader.signed_leb());
      } else if (code == DW_OP_deref) {
        top = load(top);
      } else if (code == DW_OP_const1u) {
        values[count++] = reader.take<std::uint8_t>();
      } else if (code == DW_OP_plus_uconst) {
        top += reader.unsigned_leb();
      } else if (count >= 2) {
        switch (code) {
          case DW_OP_and:
            below &= top;
            break;
          case DW_OP_minus:
            below -= top;
            break;
          case DW_OP_plus:
            below += top;
            break;
          case DW_OP_shl:
            below <<= top & (sizeof top * 8 - 1);
            break;
          case DW_OP_ge:  // signed
            below = static_cast<std::intptr_t>(below) >= static_cast<std::intptr_t>(top) ? 1 : 0;
            break;
          default:
            failed = true;
        }
        --count;
      } else {
        failed = true;
      }
    }
    failed = failed || reader.failed() || count == 0;
    return failed ? 0 : values[count - 1];
  }

  std::uintptr_t frame_address(const Row& row) {
    if (row.frame_address.kind == Rule::Kind::is_expression) return evaluate(row.frame_address.value, 0);
    return in(row.frame_register) + static_cast<std::uintptr_t>(std::intptr_t{row.frame_address.value});
  }

  std::uintptr_t value(const Rule& rule, std::uintptr_t frame_address, unsigned number) {
    const auto at = frame_address + static_cast<std::uintptr_t>(std::intptr_t{rule.value});
    switch (rule.kind) {
      case Rule::Kind::at_offset:
        return load(at);
      case Rule::Kind::is_offset:
        return at;
      case Rule::Kind::in_register:
        return in(static_cast<std::uintptr_t>(rule.value));
      case Rule::Kind::at_expression:
        return load(evaluate(rule.value, frame_address));
      case Rule::Kind::is_expression:
        return evaluate(rule.value, frame_address);
      case Rule::Kind::undefined:
        return 0;
      default:
        return number == kStack ? frame_address : frame.registers[number];
    }
  }
};

}  // namespace

bool step(Frame& frame, std::uintptr_t table, Range object, Range stack) {
  Row row;
  if (!dwarf::find_row(table, object, frame.place(), row) || row.return_register >= kRegisters) return false;
  Machine machine{frame, object, stack};
  const auto frame_address = machine.frame_address(row);
  Frame caller{};
  for (unsigned i = 0; i < kRegisters; ++i) caller.registers[i] = machine.value(row.rules[i], frame_address, i);
  caller.registers[kReturn] = caller.registers[row.return_register];
  caller.is_exact = row.is_signal_frame;
  const bool ascends =
      caller.stack() > frame.stack() || (frame.is_exact && caller.stack() == frame.stack()) || row.is_signal_frame;
  if (machine.failed || !ascends || caller.instruction() == 0 || caller.instruction() == frame.instruction())
    return false;
  frame = caller;
  return true;
}

Frame interrupted(const void* context) {
  Frame frame{};
  frame.is_exact = true;
  arch::load(context, frame.registers);
  return frame;
}

}  // namespace unwind
