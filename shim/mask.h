// SIGPIPE kept out of this thread for the length of one call, and what a thread that blocks SIGPIPE itself finds.
#pragma once

#include <signal.h>

#include <cerrno>
#include <cstddef>

#include "kernel.h"

namespace mask {

// SIGPIPE blocked from here to leave(), also if the thread is cancelled in between.
struct Masked {
  bool blocked_before() const { return (before & kernel::only(SIGPIPE)) != 0; }

  kernel::Signals before;
  // Where libc keeps the cleanup handler: glibc's struct _pthread_cleanup_buffer or musl's struct __ptcb.
  alignas(void*) std::byte cleanup[4 * sizeof(void*)];
};
void enter(Masked& masked);
// Restores the mask. With `drain` what the call has raised is taken back first; true if there was something.
bool leave(Masked& masked, bool drain);

bool blocks_sigpipe();

// A SIGPIPE that we queue says in si_errno, which is 0 in all others, what it is: `averted` was left pending because
// the thread blocks SIGPIPE and may wait for it, `due` is to have its effect although it looks like one to avert.
enum class Mark : int { none = 0, averted = EPIPE, due = ESHUTDOWN };
inline Mark mark_of(const siginfo_t& info) { return info.si_code == SI_USER ? Mark{info.si_errno} : Mark::none; }

// Gives this thread the SIGPIPE that the kernel would have.
void raise_as_kernel(Mark mark);

// Whether this siginfo is what the kernel gives for a SIGPIPE that it raises; kill(getpid()) looks the same.
bool from_kernel(const siginfo_t& info);

// The kernel left a SIGPIPE pending in this thread, which blocks it: marks it as averted.
void mark_pending();

}  // namespace mask
