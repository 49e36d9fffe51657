// Which definition of a function comes after ours.
#pragma once

namespace next_symbol {

// What dlsym(RTLD_NEXT, name) gives, without the heap it may use and the symbol version it would tie us to (it moved
// in glibc 2.34). Objects before ours are asked only if none after it has the name. nullptr: nobody defines it. Takes
// the dynamic linker's lock.
void* find(const char* name);

}  // namespace next_symbol
