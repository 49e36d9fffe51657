#include "unwind/cfi.h"

#include <algorithm>
#include <array>
#include <bit>

#include "unwind/cfi_program.h"

namespace unwind {
namespace {

// Where the last function's entry is that begins at or before this place; 0: none. .eh_frame_hdr as linkers write it:
// its kind, where .eh_frame is, a count; pairs in the order of the functions, as offsets from the table.
std::uintptr_t find_entry(const Object& object, std::uintptr_t place) {
  struct Pair {
    std::int32_t function;
    std::int32_t entry;
  };
  // Version 1, with each number in four bytes.
  constexpr auto kKind = std::bit_cast<std::uint32_t>(std::array<std::uint8_t, 4>{0x01, 0x1b, 0x03, 0x3b});
  Reader table(object.table, object.memory);
  const bool is_known = table.take<std::uint32_t>() == kKind;
  table.skip(sizeof(std::int32_t));
  std::uintptr_t count = table.take<std::uint32_t>();
  auto first = table.at();
  if (!is_known || table.failed() || count == 0 || count > (object.memory.end - first) / sizeof(Pair)) return 0;
  const auto wanted = static_cast<std::intptr_t>(place - object.table);
  // What is left is read as one.
  constexpr std::uintptr_t kFew = 32;
  while (count > kFew) {
    const auto half = count / 2;
    Pair middle;
    if (!copy(&middle, first + half * sizeof middle, sizeof middle)) return 0;
    if (middle.function <= wanted) first += half * sizeof middle;
    count = middle.function <= wanted ? count - half : half;
  }
  Pair pairs[kFew];
  if (!copy(pairs, first, count * sizeof(Pair))) return 0;
  const auto* next = std::upper_bound(pairs, pairs + count, wanted,
                                      [](std::intptr_t offset, const Pair& pair) { return offset < pair.function; });
  return next == pairs ? 0 : object.table + static_cast<std::uintptr_t>(next[-1].entry);
}

// An entry begins with its length.
Reader entry_at(std::uintptr_t at, Range memory) {
  Reader reader(at, memory);
  return reader.part(reader.take<std::uint32_t>());
}

}  // namespace

bool find_row(const Object& object, std::uintptr_t place, Row& row) {
  Reader own = entry_at(find_entry(object, place), object.memory);
  const auto back_from = own.at();
  Reader common = entry_at(back_from - own.take<std::uint32_t>(), object.memory);

  // What functions have in common: a word that is 0, version 1 or 3, letters, numbers, what belongs to the letters.
  common.skip(sizeof(std::uint32_t) + 1);
  if (common.take<char>() != 'z') return false;
  while (const char letter = common.take<char>()) row.is_signal_frame = row.is_signal_frame || letter == 'S';
  const auto code_unit = common.unsigned_leb();
  const auto data_unit = common.signed_leb();
  row.return_register = common.unsigned_leb();

  // Last comes how functions are written: in four bytes, in nearly every object counted from where they stand.
  std::uint8_t encoding = 0;
  for (Reader letters = common.part(common.unsigned_leb()); letters.goes_on();) encoding = letters.take<std::uint8_t>();
  constexpr std::uint8_t kAbsolute = 0x03, kFromHere = 0x1b;
  if (encoding != kAbsolute && encoding != kFromHere) return false;

  const auto from = encoding == kFromHere ? own.at() : 0;
  const auto function = from + static_cast<std::uintptr_t>(own.take<std::int32_t>());
  const auto size = own.take<std::uint32_t>();
  own.skip(own.unsigned_leb());
  if (common.failed() || own.failed() || place - function >= size) return false;
  row.memory = object.memory;
  CfiProgram program(row, function, code_unit, data_unit);
  return program.run(common, ~std::uintptr_t{0}) && program.run(own, place);
}

}  // namespace unwind
