// What follows a call that met EPIPE, or that wrote less than it was asked for and may have met it. None of these
// changes errno; each may write a line to the log, queue a SIGPIPE to this thread, or end a runaway.
#pragma once

#include <cstddef>

#include "program/mask.h"

// What is known of a call when it is over.
struct Call {
  const char* system_call;
  int fd;
  std::size_t bytes;  // that it was asked to write
  const void* return_address;
};

// MSG_NOSIGNAL kept the kernel from raising anything. What the program has a right to is made up for here.
void on_epipe_flagged(const Call& call);

// The call was left to our handler, which has seen to it, unless the program ignores or blocks SIGPIPE.
void on_epipe_unmasked(const Call& call);

// The same for some of many messages (flagged), or the first of several pieces (unmasked).
void on_short_count_flagged(const Call& call);
void on_short_count_unmasked(const Call& call);

// Ends a masked call that failed with EPIPE, or reports less than it was asked for: takes back what it has raised, and
// restores the mask.
void finish_masked(const Call& call, mask::Masked& masked, bool failed);
