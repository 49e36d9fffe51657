// One ELF object in memory, as its own headers describe it. Safe in a signal handler, and where the object is no
// longer.
#pragma once

#include <link.h>

#include "unwind/cfi.h"

class ElfImage {
 public:
  // `start` is where the file's beginning is mapped, `limit` the end of its mappings. What is no ELF file, or has its
  // headers elsewhere than in its first page, has no segments and its base where it starts.
  ElfImage(std::uintptr_t start, std::uintptr_t limit);

  bool is_elf() const { return is_elf_; }
  unwind::Range memory() const { return memory_; }

  // What a symbol's or segment's address is counted from.
  std::uintptr_t base() const { return base_; }

  // Its tables, and the segment that they are in.
  unwind::Object object() const { return object_; }

  unwind::Range dynamic() const { return dynamic_; }

  // Where it is; empty where there is none.
  unwind::Range build_id() const { return build_id_; }

 private:
  bool is_elf_ = false;
  unwind::Range memory_;
  std::uintptr_t base_;
  unwind::Object object_;
  unwind::Range dynamic_;
  unwind::Range build_id_;
};
