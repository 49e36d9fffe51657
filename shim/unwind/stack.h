// Which functions of the program have led to a write, and how the same way is recognised when it is gone again.
#pragma once

#include "unwind/modules.h"
#include "unwind/unwind.h"

namespace stack {

constexpr unsigned kMostFrames = 32;

// The frames from the innermost on: libc's and our own, by which others are found, and the program's, its callers.
struct Path {
  static constexpr unsigned kMost = 48;
  static constexpr Modules::Number kOwn = 0xffff;  // libc, or we

  // Whether the stack of a thread that is where this begins is the same from here on, in all that was gone by. Reads
  // nothing that may not be there; of the first page only `is_ours` says that it is.
  bool leads_from(std::uintptr_t stack_pointer, bool is_ours, Modules& all) const;

  bool has_same_callers(const Path& other) const;
  unsigned next_caller(unsigned frame) const {  // from this frame on; `count`: none
    while (frame < count && modules[frame] == kOwn) ++frame;
    return frame;
  }
  bool add(const unwind::Frame& frame, std::uintptr_t begin, Modules::Number module);

  std::uintptr_t returns_to[kMost];
  std::uint32_t slots[kMost];  // where that stands, from the stack pointer of the first on
  Modules::Number modules[kMost];
  unsigned count;
  bool is_recognisable;
};

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
