// The handler of static programs put into one of them: a few system calls made there, and no library.
#pragma once

#include "attach/arm.h"
#include "attach/remote.h"

namespace attach {

// Throws Refusal where the program has seen to SIGPIPE itself, or does not get the memory; then nothing has been
// changed.
Outcome put_handler_in(const Target& target, Remote& remote);

// SIG_DFL again, with the mask and the flags that the program had set with it. The memory stays: another thread may be
// in the handler.
Outcome take_handler_out(const Target& target, Remote& remote);

}  // namespace attach
