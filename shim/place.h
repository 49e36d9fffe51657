// Where an address is: which file is mapped there, how far into it, in which function. Asks /proc/self/maps, because
// the dynamic linker would have a lock taken, which a child of fork may find locked for ever.
#pragma once

#include <cstdint>

struct Place {
  char path[400] = {};           // its beginning, where it is longer; empty: no file, or no /proc
  std::uintptr_t offset = 0;     // from where the object was loaded, or the address itself
  const char* symbol = nullptr;  // the exported function around the address, if any
};
void find_place(const void* address, Place& place);
