// Which files the program's code is mapped from: a picture of /proc/self/maps. Not the dynamic linker is asked, since
// its lock may be held by a thread that a child of fork has not got.
#pragma once

#include <cstdint>
#include <string_view>

#include "system/lines.h"

struct Module {
  std::uintptr_t begin = 0;  // of its code
  std::uintptr_t end = 0;
  std::uintptr_t start = 0;  // where the file's beginning is mapped; 0: not known
  std::uintptr_t limit = 0;  // the end of its last mapping
  std::uint64_t file = 0;    // its inode and device; 0: code of no file
  std::string_view path;
};

class Maps {
 public:
  // Takes the picture. Safe in a signal handler; reads /proc with one system call for each 1 KiB. Empty where there is
  // no /proc. False where no descriptor is free.
  bool look();

  const Module* begin() const { return list_; }
  const Module* end() const { return list_ + count_; }

  // nullptr: no code.
  const Module* around(std::uintptr_t address) const;

 private:
  void read(int fd);

  static constexpr unsigned kMost = 512;
  Lines<4096 + 128, 1024> lines_;  // a path is shorter
  Module list_[kMost];
  unsigned count_;
  char paths_[65536];
  std::size_t paths_length_;
};
