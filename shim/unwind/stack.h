// Which functions of the program have led to a write: the stack without our own frames and libc's.
#pragma once

#include "unwind/maps.h"
#include "unwind/unwind.h"

namespace stack {

constexpr unsigned kMostFrames = 32;

struct Callers {
  std::uintptr_t returns_to[kMostFrames];  // the innermost first
  unsigned count;
};

// Finds out where libc and the shim are. To be called once, at the start: the dynamic linker takes its lock for it.
void know_libc();

// Both are safe in a signal handler, make no system call and take no lock.

// Where the program called what raised SIGPIPE in this context of a handler: out of libc, into the first function that
// is not its own. The instruction itself where it is in no libc, or where libc's tables do not say.
std::uintptr_t call_site(const void* context);

// At most so many callers, beginning with `frame` itself where it is of the program.
void collect(unwind::Frame frame, const Maps& modules, unsigned most, Callers& callers);

}  // namespace stack
