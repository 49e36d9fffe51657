#include "unwind/symbol.h"

#include <algorithm>

namespace {

using unwind::Range;
using unwind::Reader;
using Entry = ElfW(Sym);

// Each item of an array, read by many at a time, until `visit` says that it is found; false where not all are there.
// Not inlined, so that of two the room is taken one after the other.
template <class Item, class Visit>
[[gnu::noinline]] bool each(std::uintptr_t at, std::size_t count, Range memory, Visit visit) {
  constexpr std::size_t kMost = 512 / sizeof(Item);
  Item items[kMost];
  if (count > (memory.end - memory.begin) / sizeof(Item)) return false;
  for (std::size_t first = 0; first < count; first += kMost) {
    const auto number = std::min(kMost, count - first);
    const auto from = at + first * sizeof(Item);
    if (!memory.holds(from, number * sizeof(Item)) || !unwind::copy(items, from, number * sizeof(Item))) return false;
    for (std::size_t i = 0; i < number; ++i)
      if (visit(items[i])) return true;
  }
  return true;
}

struct Tables {
  std::uintptr_t symbols = 0, names = 0, gnu = 0, sysv = 0;

  explicit Tables(const ElfImage& object) {
    Reader entries(object.dynamic().begin, object.dynamic());
    while (entries.goes_on()) {
      const auto entry = entries.take<ElfW(Dyn)>();
      const auto value = static_cast<std::uintptr_t>(entry.d_un.d_ptr);
      // glibc has added the base to these pointers already, musl has not.
      const auto at = value < object.base() ? value + object.base() : value;
      if (entry.d_tag == DT_NULL) return;
      if (entry.d_tag == DT_SYMTAB) symbols = at;
      if (entry.d_tag == DT_STRTAB) names = at;
      if (entry.d_tag == DT_GNU_HASH) gnu = at;
      if (entry.d_tag == DT_HASH) sysv = at;
    }
  }

  // How many symbols there are: no table says it but the hash's. DT_GNU_HASH: bucket count, index of the first symbol,
  // size of the filter in words, its shift; filter; buckets; chains. The lowest bit of a chain's entry ends the chain.
  std::size_t count(Range memory) const {
    if (gnu == 0) {
      Reader table(sysv, memory);
      table.skip(sizeof(std::uint32_t));
      return table.take<std::uint32_t>();
    }
    Reader table(gnu, memory);
    const auto buckets = table.take<std::uint32_t>();
    const auto first = table.take<std::uint32_t>();
    const auto filter = table.take<std::uint32_t>();
    const auto at = gnu + 4 * sizeof(std::uint32_t) + filter * sizeof(ElfW(Addr));
    std::uint32_t last = 0;
    each<std::uint32_t>(at, table.failed() ? 0 : buckets, memory, [&](std::uint32_t index) {
      last = std::max(last, index);
      return false;
    });
    if (last < first) return 0;
    Reader chain(at + (std::uintptr_t{buckets} + last - first) * sizeof(std::uint32_t), memory);
    while (chain.goes_on() && (chain.take<std::uint32_t>() & 1) == 0) ++last;
    return chain.failed() ? 0 : last + std::size_t{1};
  }
};

}  // namespace

Symbol::Symbol(const ElfImage& image, std::uintptr_t address) {
  const auto memory = image.memory();
  const Tables tables(image);
  std::uintptr_t name = 0;
  each<Entry>(tables.symbols, tables.count(memory), memory, [&](const Entry& symbol) {
    const bool is_function = symbol.st_shndx != SHN_UNDEF && ELF32_ST_TYPE(symbol.st_info) == STT_FUNC;
    if (is_function && address - image.base() - symbol.st_value < symbol.st_size) name = tables.names + symbol.st_name;
    return name != 0;
  });
  Reader text(name, memory);
  while (length_ < sizeof name_ && text.goes_on()) {
    const char letter = text.take<char>();
    if (letter == '\0') break;
    name_[length_++] = letter;
  }
}
