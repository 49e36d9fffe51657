// The system call over which the kernel raised a SIGPIPE, as a signal handler finds it in the interrupted registers.
#pragma once

#include <cstddef>

#include "system/context.h"

namespace raised {

struct Call {
  const char* name;   // nullptr: no system call has raised it
  int fd;             // -1: not known
  std::size_t asked;  // bytes it was to write; event::kNotKnown
  bool failed;        // with EPIPE
};

// Whether this call raised SIGPIPE, and which it was. siginfo does not say: a kill(getpid()) looks the same, but no
// call that returns 0 or another error has raised anything, nor one whose number is known and not in functions.def.
// Where the number is not known the fd may be the first argument or, of a splice, the third: then the kernel is
// asked, if it may be.
Call by(const context::Interrupted& at, bool may_ask);

// The question, of what `by` has found: whether a SIGPIPE of this call is ours to avert. Not if no call has raised it,
// nor if what was written to is now an unread pipe.
bool is_ours(const Call& call);

// Whether this system call can raise SIGPIPE at all.
bool writes(long number);

}  // namespace raised
