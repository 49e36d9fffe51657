// What the hooks do in this process, as one word that a hot path tests once. It depends on the options, on what was
// found at the start, and on the phase the process is in; DESIGN.md has the table.
#pragma once

#include <atomic>

namespace policy {

// A process goes through these in their order, and back from in_seccomp only where the filter was refused.
enum class Phase : unsigned {
  undecided,     // the options are not read: no hook has run yet
  starting,      // hooks run, but our constructor has not: there is no handler of ours yet
  armed,         // our handler stands wherever the program's view of SIGPIPE is SIG_DFL
  handler_lost,  // a handler of the program stands there that no stub had room for
  in_seccomp     // the program has set a seccomp filter: a system call that it did not make may kill it
};

enum : unsigned {
  adds_flag = 1,      // the call gets MSG_NOSIGNAL where it can carry it
  masks = 2,          // SIGPIPE is masked around a call that cannot; else such a call is left to the handler
  has_handler = 4,    // there is a handler of ours at all
  write_is_send = 8,  // a write on a socket is made as a send
  trusts_hints = 16,  // what an fd was last decides how it is written to: a stale hint does no harm
  slow_write = 32,    // a write has to know more than that
  counts_only = 64,   // an averted SIGPIPE is only counted: there is no log, and no handler of the program to be called
  unfiltered = 128,   // there is no seccomp filter that could refuse a system call of ours
  in_seccomp = 256,   // none is made at all
  undecided = 1U << 31
};

inline constinit std::atomic<unsigned> in_use = undecided;

// Reads the options and finds libc's functions, once; safe from any thread, not in a signal handler. Returns the policy
// in use.
unsigned decide();

// Our constructor has put the handler in its place.
void arm();

// No stub was left for a handler of the program: nothing may rely on ours any more.
void lose_handler();

// The program is about to set a seccomp filter. Returns what leave_seccomp() needs where the filter is refused.
Phase enter_seccomp();
void leave_seccomp(Phase before);

inline unsigned now() {
  const unsigned bits = in_use.load(std::memory_order_acquire);
  return (bits & undecided) == 0 ? bits : decide();
}
inline bool uses(unsigned bit) { return (now() & bit) != 0; }

// The same for hot paths: one test, which says no where nothing is decided yet.
inline bool surely_uses(unsigned bit) { return (in_use.load(std::memory_order_acquire) & bit) != 0; }
inline bool surely_lacks(unsigned bit) { return (in_use.load(std::memory_order_acquire) & (bit | undecided)) == 0; }

}  // namespace policy
