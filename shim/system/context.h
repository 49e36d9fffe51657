// What a signal handler can read of the system call that its signal interrupted.
#pragma once

#include <signal.h>
#include <ucontext.h>

#include "system/arch/machine.h"

namespace context {

using arch::Interrupted;
using arch::kUnknown;

// `context` is a handler's third argument. Safe in a signal handler.
inline Interrupted read(const void* context) { return arch::interrupted(context); }

// The SIGPIPE of the system call that ends here has been met: what a handler finds behind it from here on is another's.
inline void note_met(const void* context) { arch::note_met(context); }

// Whether a system call ends here that such a word can be kept for. Of memory the code is read, and the kernel's
// frames.
inline bool is_behind_call(const void* context) { return arch::is_behind_call(context); }

// Where the thread will go on: a register alone is read.
inline const void* place(const void* context) { return arch::place(context); }

// Whether the signal is blocked once the handler has returned.
inline bool blocks(const void* context, int signal) {
  return sigismember(&static_cast<const ucontext_t*>(context)->uc_sigmask, signal) == 1;
}

}  // namespace context
