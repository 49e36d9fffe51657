// The name of the function that an address is in, by the dynamic symbols of its object; safe in a signal handler, and
// where the object is no longer.
#pragma once

#include "unwind/elf_image.h"

class Symbol {
 public:
  // The address is in this object.
  Symbol(const ElfImage& image, std::uintptr_t address);

  // Empty where none has a name.
  std::string_view name() const { return {found_.name, found_.length}; }

  struct Found {
    unwind::Key key;
    std::size_t length;
    char name[512];
  };

 private:
  Found found_;
};
