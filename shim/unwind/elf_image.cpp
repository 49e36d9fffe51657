#include "unwind/elf_image.h"

#include <array>
#include <bit>

#include "system/kernel.h"

namespace {

using unwind::Range;
using unwind::Reader;
using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);

// Each program header, in the first page. False where there are none.
template <class Visit>
bool each_segment(std::uintptr_t start, Visit visit) {
  const Range page{start, start + kernel::kPage};
  Reader file(start, page);
  const auto header = file.take<Header>();
  if (file.failed() || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phoff > kernel::kPage) return false;
  Reader headers(start + header.e_phoff, page);
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    const auto segment = headers.take<Segment>();
    if (headers.failed()) break;
    visit(segment);
  }
  return true;
}

// A note: sizes of name and content, type, name, content, each padded to four bytes.
Range build_id_among(Reader notes) {
  constexpr auto kGnu = std::bit_cast<std::uint32_t>(std::array<char, 4>{'G', 'N', 'U', '\0'});
  const auto padded = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
  while (notes.goes_on()) {
    const auto note = notes.take<ElfW(Nhdr)>();
    const auto name = notes.part(padded(note.n_namesz)).take<std::uint32_t>();
    const auto at = notes.at();
    notes.skip(padded(note.n_descsz));
    if (!notes.failed() && name == kGnu && note.n_type == NT_GNU_BUILD_ID) return {at, at + note.n_descsz};
  }
  return {};
}

}  // namespace

ElfImage::ElfImage(std::uintptr_t start, std::uintptr_t limit) : memory_{start, limit}, base_(start) {
  bool is_first = true;
  std::uintptr_t table = 0;
  is_elf_ = each_segment(start, [&](const Segment& segment) {
    // Prelinked objects and programs at a fixed address do not begin at 0.
    if (segment.p_type == PT_LOAD && is_first) {
      base_ = start - (segment.p_vaddr - segment.p_offset);
      is_first = false;
    }
    if (segment.p_type == PT_GNU_EH_FRAME) table = segment.p_vaddr;
  });
  each_segment(start, [&](const Segment& segment) {
    const auto at = base_ + segment.p_vaddr;
    const Range range{at, at + segment.p_memsz};
    if (!memory_.holds(at, segment.p_memsz)) return;
    if (segment.p_type == PT_LOAD && table != 0 && range.holds(base_ + table)) object_ = {range, base_ + table};
    if (segment.p_type == PT_DYNAMIC) dynamic_ = range;
    if (segment.p_type == PT_NOTE && build_id_.begin == 0) build_id_ = build_id_among(Reader(at, range));
  });
}
