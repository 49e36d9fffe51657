// The ELF objects in this process: which definition of a function comes after ours, and which object holds an address.
#pragma once

#include <cstdint>

namespace module {

// What dlsym(RTLD_NEXT, name) gives, without the heap it may use and the symbol version it would tie us to (it moved
// in glibc 2.34). Objects before ours are asked only if none after it has the name. nullptr: nobody defines it.
void* next_definition(const char* name);

struct Place {
  const char* path = nullptr;    // of the object; "" is the program itself; nullptr: in no object
  std::uintptr_t offset = 0;     // from where the object was loaded
  const char* symbol = nullptr;  // the exported function around the address, if any
};
Place place_of(const void* address);

}  // namespace module
