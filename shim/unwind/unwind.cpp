#include "unwind/unwind.h"

#include <new>

#include "unwind/guess.h"
#include "unwind/rows.h"

namespace unwind {
namespace {

// One step: a row's rules, followed from a frame.
struct Step {
  const Frame& frame;
  const Row& row;
  Stack& stack;
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
    std::uintptr_t word = 0;
    failed = failed || !stack.load(address, word);
    return word;
  }

  // Signal frames, and functions that align their stack, are written as chains of these three (DWARF 5, table 7.9).
  // Procedure linkage tables calculate, and no call is made from there.
  std::uintptr_t evaluate(std::uintptr_t at) {
    constexpr std::uint8_t kDeref = 0x06, kPlusUconst = 0x23, kBreg0 = 0x70, kBreg31 = 0x8f;
    Reader reader(at, row.memory);
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

Row row_of(const Frame& frame, const Object& object, bool may_guess) {
  Row row;
  const Key key{frame.instruction(), object.identity ^ (frame.is_exact ? 1U : 0U)};
  if (rows::recall(key, row)) return row;
  if (!find_row(object, frame.place(), row)) {
    new (&row) Row;  // assigned, it would be made on the stack first
    row.is_unknown = !may_guess || !guess(frame.instruction(), row);
  }
  rows::remember(key, row);
  return row;
}

bool follow(Frame& frame, const Row& row, Stack& stack) {
  if (row.is_last || row.is_unknown || row.return_register >= kRegisters) return false;
  Step step{frame, row, stack};
  step.frame_address = step.follow(row.rules[kFrameAddress]);
  Frame caller{};
  for (unsigned i = 0; i < kRegisters; ++i) caller.registers[i] = step.follow(row.rules[i]);
  caller.registers[kReturn] = caller.registers[row.return_register];
  caller.is_exact = row.is_signal_frame;
  const Rule& back = row.rules[row.return_register];
  caller.returns_at = back.is_loaded ? step.follow({back.base, back.offset}) : 0;
  const Rule& pointer = row.rules[kPointer];
  caller.pointer_at = pointer.is_loaded ? step.follow({pointer.base, pointer.offset}) : frame.pointer_at;
  caller.is_guessed = frame.is_guessed || row.is_guess;
  const bool ascends = caller.stack() > frame.stack() || (frame.is_exact && caller.stack() == frame.stack());
  if (step.failed || caller.instruction() == 0 || (!ascends && !row.is_signal_frame)) return false;
  if (caller.is_guessed && !caller.is_exact && !is_returned_to(caller.instruction())) return false;
  if (row.is_signal_frame) stack = Stack(caller.stack());  // a handler may have a stack of its own
  frame = caller;
  return true;
}

}  // namespace unwind
