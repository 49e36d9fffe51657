// One ELF object in memory, as its own headers describe it. Reads memory only: safe in a signal handler, as long as the
// object stays mapped.
#pragma once

#include <link.h>

#include <array>
#include <bit>

#include "system/elf_symbols.h"
#include "unwind/cfi.h"

class ElfImage {
 public:
  // `start` is where the file's beginning is mapped, `limit` the end of its mappings. What is no ELF file, or has its
  // headers elsewhere than in its first page, has no segments.
  ElfImage(std::uintptr_t start, std::uintptr_t limit) : base_(start), memory_{start, limit} {
    const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(start);
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return;
    constexpr std::size_t kPage = 4096;
    if (header->e_phoff > kPage || header->e_phoff + header->e_phnum * sizeof(ElfW(Phdr)) > kPage) return;
    segments_ = reinterpret_cast<const ElfW(Phdr)*>(start + header->e_phoff);
    count_ = header->e_phnum;
    // Prelinked objects and programs at a fixed address do not begin at 0.
    const auto* first = find(PT_LOAD);
    if (first != nullptr) base_ = start - (first->p_vaddr - first->p_offset);
  }

  // What a symbol's or segment's address is counted from.
  std::uintptr_t base() const { return base_; }

  const char* symbol_around(std::uintptr_t address) const {
    const auto* dynamic = find(PT_DYNAMIC);
    if (dynamic == nullptr || content(*dynamic).failed()) return nullptr;
    return ElfSymbols(base_, segments_, count_).around(address);
  }

  unwind::Object object() const {
    const auto* table = find(PT_GNU_EH_FRAME);
    return {memory_, table == nullptr ? 0 : base_ + table->p_vaddr};
  }

  struct BuildId {
    const unsigned char* bytes = nullptr;
    std::size_t count = 0;
  };

  // A note: sizes of name and content, type, name, content, each padded to four bytes.
  BuildId build_id() const {
    constexpr auto kGnu = std::bit_cast<std::uint32_t>(std::array<char, 4>{'G', 'N', 'U', '\0'});
    for (unsigned i = 0; i < count_; ++i) {
      auto notes = content(segments_[i]);
      while (segments_[i].p_type == PT_NOTE && notes.goes_on()) {
        const auto note = notes.take<ElfW(Nhdr)>();
        const auto name = notes.part(padded(note.n_namesz)).take<std::uint32_t>();
        const auto* bytes = reinterpret_cast<const unsigned char*>(notes.at());
        notes.skip(note.n_descsz);
        if (notes.failed()) break;
        if (name == kGnu && note.n_type == NT_GNU_BUILD_ID) return {bytes, note.n_descsz};
        notes.skip(padded(note.n_descsz) - note.n_descsz);
      }
    }
    return {};
  }

 private:
  static std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

  const ElfW(Phdr) * find(unsigned type) const {
    for (unsigned i = 0; i < count_; ++i)
      if (segments_[i].p_type == type) return &segments_[i];
    return nullptr;
  }

  // failed() where the segment is not mapped.
  unwind::Reader content(const ElfW(Phdr) & segment) const {
    return unwind::Reader(base_ + segment.p_vaddr, memory_).part(segment.p_memsz);
  }

  std::uintptr_t base_;
  unwind::Range memory_;
  const ElfW(Phdr) * segments_ = nullptr;
  unsigned count_ = 0;
};
