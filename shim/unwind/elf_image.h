// One ELF object in memory, as its own headers describe it. What they say is copied and remembered, so that nothing is
// read where the object is no longer. Safe in a signal handler.
#pragma once

#include <link.h>

#include <string_view>

#include "unwind/cfi.h"
#include "unwind/remembered.h"

class ElfImage {
 public:
  // `start` is where the file's beginning is mapped, `limit` the end of its mappings; `file` tells it from others. What
  // is no ELF file, or has its headers elsewhere than in its first page, has no segments.
  ElfImage(std::uintptr_t start, std::uintptr_t limit, std::uint64_t file);

  // What a symbol's or segment's address is counted from.
  std::uintptr_t base() const { return facts_.base; }

  // Its tables, and the segment that they are in.
  unwind::Object object() const { return facts_.object; }

  struct BuildId {
    const unsigned char* bytes;  // copies
    std::size_t count;
  };
  BuildId build_id() const { return {facts_.build_id, facts_.build_id_size}; }

  struct Facts {
    unwind::Key key;
    unwind::Range memory;
    std::uintptr_t base;
    unwind::Object object;
    unwind::Range dynamic;
    unsigned char build_id[32];
    std::size_t build_id_size;
  };
  const Facts& facts() const { return facts_; }

 private:
  Facts facts_{};
};
