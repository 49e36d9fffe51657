// The functions that are turned to ours: our hook of each name, and what it is elsewhere in the process.
#pragma once

#include "late/module.h"

namespace late {

constexpr unsigned kFunctions = 0
#define FUNCTION(name, type, technique, by) +1
#include "functions.def"
    ;

// Looks at all objects.
void find_functions();

// Its place in functions.def; kFunctions where it is none of them.
unsigned function_of(const char* name);

std::uintptr_t hook_of(unsigned function);
bool is_hook(std::uintptr_t address);

// Whether libc has it there.
bool is_in_libc(unsigned function, std::uintptr_t address);

// Whether another object than libc has one of this name, too: then nobody but the loader knows which is meant.
bool is_ambiguous(unsigned function);

}  // namespace late
