// One ELF object in memory, as its own headers describe it. Reads memory only: safe in a signal handler, as long as the
// object stays mapped.
#pragma once

#include <link.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "system/elf_symbols.h"

class ElfImage {
 public:
  ElfImage() = default;

  // `start` is where the file's beginning is mapped, `limit` the end of its mappings. What is no ELF file, or has its
  // headers elsewhere than in its first page, has no segments.
  ElfImage(std::uintptr_t start, std::uintptr_t limit) : base_(start), start_(start), limit_(limit) {
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
    return dynamic != nullptr && is_here(*dynamic) ? ElfSymbols(base_, segments_, count_).around(address) : nullptr;
  }

  // Where .eh_frame_hdr is; 0 where there is none.
  std::uintptr_t frame_table() const {
    const auto* segment = find(PT_GNU_EH_FRAME);
    return segment != nullptr && is_here(*segment) ? base_ + segment->p_vaddr : 0;
  }

  struct BuildId {
    const unsigned char* bytes = nullptr;
    std::size_t count = 0;
  };

  // A note: sizes of name and content, type, name, content, each padded to four bytes.
  BuildId build_id() const {
    for (unsigned i = 0; i < count_; ++i) {
      if (segments_[i].p_type != PT_NOTE || !is_here(segments_[i])) continue;
      auto at = base_ + segments_[i].p_vaddr;
      const auto end = at + segments_[i].p_memsz;
      while (at + sizeof(ElfW(Nhdr)) <= end) {
        const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(at);
        const auto name = at + sizeof *note;
        const auto content = name + padded(note->n_namesz);
        if (content + note->n_descsz > end || content < name) break;
        const bool is_gnu = note->n_namesz == 4 && memcmp(reinterpret_cast<const void*>(name), "GNU", 4) == 0;
        if (is_gnu && note->n_type == NT_GNU_BUILD_ID)
          return {reinterpret_cast<const unsigned char*>(content), note->n_descsz};
        at = content + padded(note->n_descsz);
      }
    }
    return {};
  }

 private:
  static std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

  bool is_here(const ElfW(Phdr) & segment) const {
    const auto at = base_ + segment.p_vaddr;
    return at >= start_ && at < limit_ && segment.p_memsz <= limit_ - at;
  }

  const ElfW(Phdr) * find(unsigned type) const {
    for (unsigned i = 0; i < count_; ++i)
      if (segments_[i].p_type == type) return &segments_[i];
    return nullptr;
  }

  std::uintptr_t base_ = 0;
  std::uintptr_t start_ = 0;
  std::uintptr_t limit_ = 0;
  const ElfW(Phdr) * segments_ = nullptr;
  unsigned count_ = 0;
};
