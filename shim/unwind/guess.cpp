#include "unwind/guess.h"

namespace unwind {
namespace {

Rule kept_at(int offset) { return {kFrameAddress, static_cast<std::uintptr_t>(std::intptr_t{offset}), true}; }

}  // namespace

bool guess(std::uintptr_t instruction, Row& row) {
  row.is_guess = true;
  unsigned char code[arch::kCodeBehind];
  const auto epilogue = copy(code, instruction, sizeof code) ? arch::epilogue(code) : arch::Epilogue{};
  if (epilogue.is_known) {
    const auto size = epilogue.size + static_cast<unsigned>(sizeof(std::uintptr_t));
    row.rules[kFrameAddress] = {kStack, size};
    for (unsigned i = 0; i < epilogue.count; ++i)
      row.rules[epilogue.popped[i].number] =
          kept_at(static_cast<int>(epilogue.popped[i].offset) - static_cast<int>(size));
    row.rules[kReturn] = kept_at(-static_cast<int>(sizeof(std::uintptr_t)));
    return true;
  }
  constexpr auto record = arch::kFrameRecord;
  if constexpr (record.pointer == kRegisters) return false;
  row.rules[kFrameAddress] = {record.pointer, static_cast<std::uintptr_t>(std::intptr_t{record.end})};
  row.rules[record.pointer] = kept_at(record.caller - record.end);
  row.rules[kReturn] = kept_at(record.returns_to - record.end);
  return true;
}

bool is_returned_to(std::uintptr_t instruction) {
  unsigned char before[arch::kCodeBefore];
  return copy(before, instruction - sizeof before, sizeof before) && arch::is_call(before);
}

}  // namespace unwind
