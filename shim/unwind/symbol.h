// The name of the function that an address is in, by the dynamic symbols of its object; safe in a signal handler, and
// where the object is no longer.
#pragma once

#include <string_view>

#include "unwind/elf_image.h"

class Symbol {
 public:
  // The address is in this object.
  Symbol(const ElfImage& image, std::uintptr_t address);

  // Empty where none has a name.
  std::string_view name() const { return {name_, length_}; }

 private:
  std::size_t length_ = 0;
  char name_[512];
};
