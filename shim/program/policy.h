// Which of the techniques the hooks use in this process: settled once, but for seccomp and a lost net.
#pragma once

#include <sys/socket.h>

#include <atomic>

namespace technique {

enum : unsigned {
  unsettled = 1,
  mask = 2,            // calls that cannot carry a flag have SIGPIPE masked around them
  net = 4,             // our handler stands wherever the program's view is SIG_DFL
  write_is_send = 8,   // a write on a socket is made as a send
  trust_hints = 16,    // a stale hint does no harm
  confined = 32,       // the program itself has entered seccomp: a system call that it did not name may kill
  intricate = 64,      // a write has to know more than what its fd was last
  silent = 128,        // an averted SIGPIPE is only counted: there is no log, and no handler to be called
  unfiltered = 256,    // no seccomp filter is there that may let only some system calls through
  flag = MSG_NOSIGNAL  // as it is passed on
};

inline constinit std::atomic<unsigned> in_use = unsettled;

unsigned settle();

// Until our constructor has set up the net, calls that cannot carry a flag are masked.
void net_stands();

inline unsigned now() {
  const unsigned bits = in_use.load(std::memory_order_acquire);
  return (bits & unsettled) == 0 ? bits : settle();
}
inline bool uses(unsigned bit) { return (now() & bit) != 0; }

// The same for hot paths: one test, which says no where nothing is settled yet.
inline bool has_settled_on(unsigned bit) { return (in_use.load(std::memory_order_acquire) & bit) != 0; }
inline bool has_settled_without(unsigned bit) {
  return (in_use.load(std::memory_order_acquire) & (bit | unsettled)) == 0;
}

// The program has had more SIGPIPE handlers than the net can stand in front of.
void doubt_net();

// The program enters seccomp. Returns what was in use before.
unsigned confine();

}  // namespace technique
