// Which definitions of libc's functions come after ours.
#pragma once

#include "system/elf_symbols.h"

namespace next_symbol {

// Looks for symbols in one object; true: for no more.
using Look = bool (*)(const ElfSymbols& object);

// Shows the objects in the order in which they are asked for what dlsym(RTLD_NEXT) gives, which may use the heap and
// would tie us to a symbol version (it moved in glibc 2.34): those that come after ours; and then, where none of them
// had it, those before. Takes the dynamic linker's lock.
void each_object(Look look);

}  // namespace next_symbol
