#include "unwind/unwind.h"

namespace unwind {
namespace {

// One step: a row's rules, followed from a frame.
struct Step {
  const Frame& frame;
  Range object;
  Range stack;
  std::uintptr_t frame_address = 0;
  bool failed = false;

  std::uintptr_t follow(const Rule& rule) {
    const auto value = rule.base == kExpression ? evaluate(rule.offset) : in(rule.base) + rule.offset;
    return rule.is_loaded ? load(value) : value;
  }

  std::uintptr_t in(unsigned number) {
    failed = failed || number > kFrameAddress;
    if (failed) return 0;
    return number == kFrameAddress ? frame_address : frame.registers[number];
  }

  std::uintptr_t load(std::uintptr_t address) {
    Reader reader(address, stack);
    const auto value = reader.take<std::uintptr_t>();
    failed = failed || reader.failed();
    return value;
  }

  // Signal frames, and functions that align their stack, are written as chains of these three (DWARF 5, table 7.9).
  // Procedure linkage tables calculate, and no call is made from there.
  std::uintptr_t evaluate(std::uintptr_t at) {
    constexpr std::uint8_t kDeref = 0x06, kPlusUconst = 0x23, kBreg0 = 0x70, kBreg31 = 0x8f;
    Reader reader(at, object);
    Reader operations = reader.part(reader.unsigned_leb());
    std::uintptr_t value = 0;
    while (operations.goes_on()) {
      const auto operation = operations.take<std::uint8_t>();
      if (operation >= kBreg0 && operation <= kBreg31)
        value = in(operation - unsigned{kBreg0}) + operations.signed_leb();
      else if (operation == kDeref)
        value = load(value);
      else if (operation == kPlusUconst)
        value += operations.unsigned_leb();
      else
        failed = true;
    }
    failed = failed || operations.failed();
    return value;
  }
};

}  // namespace

bool step(Frame& frame, const Object& object, Range stack) {
  Row row;
  if (!find_row(object, frame.place(), row) || row.return_register >= kRegisters) return false;
  Step step{frame, object.memory, stack};
  step.frame_address = step.follow(row.rules[kFrameAddress]);
  Frame caller{};
  for (unsigned i = 0; i < kRegisters; ++i) caller.registers[i] = step.follow(row.rules[i]);
  caller.registers[kReturn] = caller.registers[row.return_register];
  caller.is_exact = row.is_signal_frame;
  const Rule& back = row.rules[row.return_register];
  caller.returns_at = back.is_loaded ? step.follow({back.base, back.offset}) : 0;
  const bool ascends =
      caller.stack() > frame.stack() || (frame.is_exact && caller.stack() == frame.stack()) || row.is_signal_frame;
  if (step.failed || row.is_last || !ascends || caller.instruction() == 0) return false;
  frame = caller;
  return true;
}

}  // namespace unwind
