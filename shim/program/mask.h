// SIGPIPE kept out of this thread for the length of one call, and what a thread that blocks SIGPIPE itself finds.
#pragma once

#include <signal.h>

#include <cstddef>

#include "program/thread_state.h"
#include "system/kernel.h"

namespace mask {

// SIGPIPE blocked from enter() to leave(), also if the thread is cancelled in between. Three system calls, none blocks;
// errno is left alone. Not to be used in a signal handler that may be left by siglongjmp.
struct Masked {
  bool blocked_by_program;
  bool unblocks;         // it was not blocked at all
  bool was_inside_ours;  // in a handler that has interrupted another masked call
  // Where libc keeps the cleanup handler: glibc's struct _pthread_cleanup_buffer or musl's struct __ptcb.
  alignas(void*) std::byte cleanup[4 * sizeof(void*)];
};
void enter(Masked& masked);
// Restores the mask. With `drain` what the call has raised is taken back first; true if there was something.
bool leave(Masked& masked, bool drain);

// Whether the program itself blocks SIGPIPE in this thread. Safe in a signal handler; the answer "no" is kept until a
// function that changes the mask is called.
bool blocks_sigpipe();

// Makes a call that may change what this thread blocks.
template <class Change>
auto changed_by(Change change) {
  const auto result = change();
  thread.unblocked = false;
  thread.silent_errno = nullptr;
  return result;
}

// A SIGPIPE that we queue carries what it is: `averted` was left pending because the thread blocks SIGPIPE and may wait
// for it, `due` is to have its effect although it looks like one to avert. The mark stands
// where SI_USER has nothing, so that nobody looks.
enum class Mark : int { none = 0, averted = 0x4e4f5347, due = 0x44554521 };
// Linux leaves zeros there where there is no mark, emulators whatever there was.
inline Mark mark_of(siginfo_t info) {
  const Mark mark{arch::mark_in(info)};
  return info.si_code == SI_USER && (mark == Mark::averted || mark == Mark::due) ? mark : Mark::none;
}
inline void unmark(siginfo_t& info) {
  if (mark_of(info) != Mark::none) arch::mark_in(info) = 0;
}

// Gives this thread the SIGPIPE that the kernel would have.
void raise_as_kernel(Mark mark);

// Whether this siginfo is what the kernel gives for a SIGPIPE that it raises; kill(getpid()) looks the same.
bool from_kernel(const siginfo_t& info);

// The kernel left a SIGPIPE pending in this thread, which blocks it: marks it as averted.
void mark_pending();

}  // namespace mask
