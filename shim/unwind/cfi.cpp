#include "unwind/cfi.h"

#include "unwind/cfi_program.h"

namespace dwarf {
namespace {

// .eh_frame_hdr: version, three encodings, the pointer to .eh_frame, the count; then pairs, sorted by function.
std::uintptr_t find_entry(std::uintptr_t table, Range object, std::uintptr_t place) {
  Reader reader(table, object);
  const auto version = reader.take<std::uint8_t>();
  const auto frames_encoding = reader.take<std::uint8_t>();
  const auto count_encoding = reader.take<std::uint8_t>();
  const auto pair_encoding = reader.take<std::uint8_t>();
  if (version != 1 || pair_encoding != (DW_EH_PE_datarel | DW_EH_PE_sdata4)) return 0;
  reader.pointer(frames_encoding, table);
  const auto count = reader.pointer(count_encoding, table);
  struct Pair {
    std::int32_t function;
    std::int32_t entry;
  };
  const auto pairs = reader.at();
  if (reader.failed() || count == 0 || !object.holds(pairs, sizeof(Pair)) ||
      count > (object.end - pairs) / sizeof(Pair))
    return 0;
  const auto* sorted = reinterpret_cast<const Pair*>(pairs);
  const auto wanted = static_cast<std::intptr_t>(place - table);
  std::uintptr_t first = 0;
  for (auto last = count; last - first > 1;) {
    const auto middle = first + (last - first) / 2;
    (sorted[middle].function <= wanted ? first : last) = middle;
  }
  return sorted[first].function <= wanted ? table + static_cast<std::uintptr_t>(std::intptr_t{sorted[first].entry}) : 0;
}

// Gives the encoding of the function's address.
std::uint8_t read_common(std::uintptr_t at, Range object, Entry& entry, Row& row) {
  Reader reader(at, object);
  const auto length = reader.take<std::uint32_t>();
  const auto end = reader.at() + length;
  reader.take<std::uint32_t>();  // 0: it is a common entry
  const auto version = reader.take<std::uint8_t>();
  Reader augmentation(reader.at(), object);
  reader.skip_word();
  entry.code_unit = reader.unsigned_leb();
  entry.data_unit = reader.signed_leb();
  row.return_register = version == 1 ? reader.take<std::uint8_t>() : reader.unsigned_leb();
  std::uint8_t encoding = 0;
  if (augmentation.take<char>() == 'z') {
    const auto size = reader.unsigned_leb();
    const auto instructions = reader.at() + size;
    for (char letter; (letter = augmentation.take<char>()) != '\0' && !augmentation.failed();) {
      if (letter == 'R') encoding = reader.take<std::uint8_t>();
      if (letter == 'P') reader.pointer(reader.take<std::uint8_t>() & DW_EH_PE_format);
      if (letter == 'L') reader.skip(1);
      if (letter == 'S') row.is_signal_frame = true;
    }
    reader.skip(instructions - reader.at());
  }
  entry.common = {reader.at(), reader.failed() ? 0 : end};
  return encoding;
}

bool read_entry(std::uintptr_t at, Range object, std::uintptr_t place, Entry& entry, Row& row) {
  Reader reader(at, object);
  const auto length = reader.take<std::uint32_t>();
  const auto end = reader.at() + length;
  const auto back = reader.at();
  const auto encoding = read_common(back - reader.take<std::uint32_t>(), object, entry, row);
  entry.function = reader.pointer(encoding);
  const auto size = reader.pointer(encoding & DW_EH_PE_format);
  const auto augmentation = reader.unsigned_leb();
  reader.skip(augmentation);
  entry.own = {reader.at(), end};
  return !reader.failed() && object.holds(at, length) && entry.common.end != 0 && place - entry.function < size;
}

}  // namespace

bool find_row(std::uintptr_t table, Range object, std::uintptr_t place, Row& row) {
  row = {};
  if (!object.holds(table, 4)) return false;
  const auto at = find_entry(table, object, place);
  Entry entry{};
  if (at == 0 || !read_entry(at, object, place, entry, row)) return false;
  return CfiProgram(entry, object).run(entry.common, ~std::uintptr_t{0}, row) &&
         CfiProgram(entry, object).run(entry.own, place, row);
}

}  // namespace dwarf
