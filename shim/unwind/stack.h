// Which functions of the program have led to a write: followed up the stack, out of our own frames and libc's.
#pragma once

#include "unwind/path.h"

namespace stack {

constexpr unsigned kMostCallers = 32;

// Finds out where libc and the shim are, and what is there to stay. To be called once, at the start: the dynamic linker
// takes its lock for it.
void know_objects();

// Whether the object whose file begins here was there at the start.
bool stays(std::uintptr_t start);

// All that follow are safe in a signal handler and take no lock.

// The module around an address: one that is remembered, or else, where there is a picture, one that is in that.
struct Lookup {
  Modules& modules;
  const Maps* maps;
  Modules::Number operator()(std::uintptr_t address) const;
};

// Where a frame was called from: so many callers, and on to the first in the executable. For 0 only the first. False
// where an address was met that is in no module.
bool collect(unwind::Frame frame, unsigned most, const Lookup& lookup, Path& path);

// The same of one place alone: where the tables do not lead to a caller.
bool only(std::uintptr_t place, const Lookup& lookup, Path& path);

}  // namespace stack
