// SIGPIPE kept out of this thread for the length of one call, and what a thread that blocks SIGPIPE itself finds.
#pragma once

#include <signal.h>

#include <cstddef>
#include <initializer_list>

#include "program/policy.h"
#include "system/kernel.h"

namespace mask {

// SIGPIPE blocked from enter() to leave(), also if the thread is cancelled in between. Two system calls; none blocks,
// and errno is left alone.
struct Masked {
  bool blocked_by_program;
  bool unblocks;        // it was not blocked at all
  const Masked* outer;  // the masked call that a signal handler has interrupted to make this one
  // Where libc keeps the cleanup handler: glibc's struct _pthread_cleanup_buffer or musl's struct __ptcb.
  alignas(void*) std::byte cleanup[4 * sizeof(void*)];
};
void enter(Masked& masked);

// The SIGPIPE that this thread's own call has raised is dequeued. False if there is none.
bool drain_raised();

// Restores the mask. A SIGPIPE that is still pending has its effect here.
void leave(Masked& masked);

// Whether the program itself blocks SIGPIPE in this thread: one system call. Safe in a signal handler.
bool is_blocked_by_program();

// The same, asked only if a function that can block it has ever been called. Not seen is what a handler's sa_mask
// blocks.
inline bool blocks_sigpipe() { return policy::uses(policy::asks_mask) && is_blocked_by_program(); }

// The program itself is about to block SIGPIPE in this thread.
void blocks_from_here();

// A function is about to be called that blocks these, or may (`how` as in sigprocmask; signal n is bit n-1).
inline void may_block(int how, const sigset_t* set) {
  policy::decide_early();
  if (how != SIG_UNBLOCK && set != nullptr && sigismember(set, SIGPIPE) == 1) blocks_from_here();
}
inline void may_block_one_of(int signals) {
  if ((signals >> (SIGPIPE - 1) & 1) != 0) blocks_from_here();
}

// Gives this thread a SIGPIPE as the kernel would; it has its effect in the program's view.
void raise_as_kernel();

// The same where our handler may find it right behind the call that it is raised for: marked as due.
void raise_due();

// The same in a thread that blocks it, and may wait for it: marked as averted. When the thread unblocks SIGPIPE and has
// not waited, our handler lets it come to nothing. Nothing is raised where no handler of ours stands.
void leave_pending();

// The mark stands in si_errno: the kernel copies that for every signal that is queued, whichever its code, and has 0
// there in its own. Emulators have there whatever there was.
enum class Mark : int {
  none = 0,
  averted = 0x4e4f5347,  // a socket's: where the default is due it comes to nothing
  due = 0x44554521,      // raised for the call that it is found behind, which could not raise it
  pipe = 0x50495045,     // a dead pipe's, whatever call it is found behind
  nothing = 0x4e4f4e45   // comes to nothing
};
inline Mark mark_of(const siginfo_t& info) {
  if (info.si_code != SI_USER) return Mark::none;
  for (const auto mark : {Mark::averted, Mark::due, Mark::pipe, Mark::nothing})
    if (info.si_errno == static_cast<int>(mark)) return mark;
  return Mark::none;
}

// The kernel left one pending in this thread, which blocks it: it is marked, likewise. Only where a stub of ours
// stands: whoever else finds it would see the mark. One that has a mark keeps it.
void mark_pending(Mark mark);

// One is pending, for this thread or for the process.
bool is_pending();

// The same in a thread that blocks it: whether one was sent to the process, and this thread has none of its own but
// what is marked.
bool was_sent_to_process();

inline void unmark(siginfo_t& info) {
  if (mark_of(info) != Mark::none) info.si_errno = 0;
}

// For functions that take a pending signal: `result` is theirs, and passed on.
inline int unmarked(int result, siginfo_t* info) {
  if (result > 0 && info != nullptr) unmark(*info);
  return result;
}

}  // namespace mask
