// What the hooks do in this process, as one word that a hot path tests once. It depends on the options, on what was
// found at the start, and on what has happened since; DESIGN.md has the table.
#pragma once

#include <atomic>

namespace policy {

// What has happened. Each stays once it is known, whichever thread or child of vfork has learnt it, but for those
// that can be taken back.
enum Fact : unsigned {
  armed = 1,  // our handler stands wherever the program's view is SIG_DFL; taken back where the program set that itself
  has_handler = 2,        // the program has had a SIGPIPE handler
  may_block_sigpipe = 4,  // some thread may block SIGPIPE: a function that can has been called
  send_is_denied = 8,     // a send was refused where the write then worked
  in_seccomp = 16,        // the program has set a seccomp filter; taken back where the kernel refused it
  is_traced = 32,         // a debugger stops at every SIGPIPE, an ignored one too; taken back when it has left
};

// What hooks do about it.
enum Bit : unsigned {
  adds_flag = 1,      // the call gets MSG_NOSIGNAL where it can carry it
  masks = 2,          // SIGPIPE is masked around a call that cannot; else such a call is left to our handler
  write_is_send = 4,  // a write on a socket is made as a send
  slow_write = 8,     // a write has to know more than what its fd was last
  asks_mask = 16,     // whether SIGPIPE is blocked is asked where it matters; else it is not
  counts_only = 32,   // an EPIPE by flag is only counted: there is no log, and nothing is left pending
  undecided = 1U << 31
};

// The facts stand above what follows from them, so that learning one is a compare-and-exchange of one word.
constexpr unsigned kFacts = 16;
constexpr unsigned facts_in(unsigned word) { return word >> kFacts & 0x3f; }

// system/notes.cpp tells where it is.
[[gnu::used]] inline constinit std::atomic<unsigned> in_use asm("nosigpipe_policy") = undecided;

// Finds libc's functions and looks at /proc/self/status, once: when a hook is first called, since most of the programs
// that are started call none, and it is half of what a start costs. Safe from any thread; before the
// constructor not in a signal handler. Returns the policy in use.
unsigned decide();

// These decide nothing, so a handler may ask: until then `is_traced` is not known.
void learn(Fact fact);
void take_back(Fact fact);
bool knows(Fact fact);

// No system call that the program did not make: its own filter may kill it.
inline bool makes_no_calls() { return knows(in_seccomp); }

// Whether a seccomp filter came with the process, or nobody knows; asked once it is decided.
bool started_in_filter();

// Whether a handler of ours stands anywhere: not with --guard=hooks, nor with --mode=off.
bool has_handler_of_ours();

inline bool is_decided() { return (in_use.load(std::memory_order_acquire) & undecided) == 0; }

inline unsigned now() {
  const unsigned bits = in_use.load(std::memory_order_acquire);
  return (bits & undecided) == 0 ? bits : decide();
}

// In functions that most programs call before they have threads: /proc is looked at while nobody else can meet the
// descriptor. Not before the constructor: a sanitizer calls them when libc does not know the environment yet.
inline void decide_early() {
  if (knows(armed)) now();
}

inline bool uses(Bit bit) { return (now() & bit) != 0; }

// The same for hot paths: one test, which says no where nothing is decided yet.
inline bool surely_uses(Bit bit) { return (in_use.load(std::memory_order_acquire) & bit) != 0; }
inline bool surely_lacks(Bit bit) { return (in_use.load(std::memory_order_acquire) & (bit | undecided)) == 0; }

}  // namespace policy
