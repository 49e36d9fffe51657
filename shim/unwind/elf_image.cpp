#include "unwind/elf_image.h"

#include <array>
#include <bit>

namespace {

using unwind::Range;
using unwind::Reader;
using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);

constinit unwind::Remembered<ElfImage::Facts, 7> remembered{};

// Each program header, in the first page.
template <class Visit>
void each_segment(std::uintptr_t start, Visit visit) {
  constexpr std::size_t kPage = 4096;
  Reader file(start, {start, start + kPage});
  const auto header = file.take<Header>();
  if (file.failed() || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phoff > kPage) return;
  Reader headers(start + header.e_phoff, {start, start + kPage});
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    const auto segment = headers.take<Segment>();
    if (headers.failed()) return;
    visit(segment);
  }
}

// A note: sizes of name and content, type, name, content, each padded to four bytes.
void read_build_id(Reader notes, ElfImage::Facts& to) {
  constexpr auto kGnu = std::bit_cast<std::uint32_t>(std::array<char, 4>{'G', 'N', 'U', '\0'});
  const auto padded = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
  while (notes.goes_on()) {
    const auto note = notes.take<ElfW(Nhdr)>();
    const auto name = notes.part(padded(note.n_namesz)).take<std::uint32_t>();
    auto content = notes.part(padded(note.n_descsz));
    if (notes.failed() || name != kGnu || note.n_type != NT_GNU_BUILD_ID || note.n_descsz > sizeof to.build_id)
      continue;
    for (unsigned i = 0; i < note.n_descsz; ++i) to.build_id[i] = content.take<unsigned char>();
    if (!content.failed()) to.build_id_size = note.n_descsz;
    return;
  }
}

void read(ElfImage::Facts& to) {
  const auto start = to.memory.begin;
  bool is_first = true;
  std::uintptr_t table = 0;
  each_segment(start, [&](const Segment& segment) {
    // Prelinked objects and programs at a fixed address do not begin at 0.
    if (segment.p_type == PT_LOAD && is_first) {
      to.base = start - (segment.p_vaddr - segment.p_offset);
      is_first = false;
    }
    if (segment.p_type == PT_GNU_EH_FRAME) table = segment.p_vaddr;
  });
  each_segment(start, [&](const Segment& segment) {
    const auto at = to.base + segment.p_vaddr;
    const Range range{at, at + segment.p_memsz};
    if (!to.memory.holds(at, segment.p_memsz)) return;
    if (segment.p_type == PT_LOAD && table != 0 && range.holds(to.base + table))
      to.object = {range, to.base + table, to.key.identity};
    if (segment.p_type == PT_DYNAMIC) to.dynamic = range;
    if (segment.p_type == PT_NOTE && to.build_id_size == 0) read_build_id(Reader(at, range), to);
  });
}

}  // namespace

ElfImage::ElfImage(std::uintptr_t start, std::uintptr_t limit, std::uint64_t file) {
  const unwind::Key key{start, static_cast<std::uintptr_t>(file) * 4 ^ limit};
  if (remembered.recall(key, facts_)) return;
  facts_ = {};
  facts_.key = key;
  facts_.memory = {start, limit};
  facts_.base = start;
  read(facts_);
  remembered.remember(facts_);
}
