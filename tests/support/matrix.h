// The kinds of things that the lists of matrix.def are made of.
#pragma once

#include <string>

// Who sees the call: a function that can be replaced, or none, since libc or the program makes the system call itself.
enum class Seen { hook, nobody };

// What the kernel raises SIGPIPE on when this call is made, a set.
enum Raises : unsigned { never = 0, on_sockets = 1, on_pipes = 2, everywhere = on_sockets | on_pipes };

// Which of the arguments it has, a set.
enum Takes : unsigned {
  bytes = 1,          // a pointer and a length
  vector = 2,         // a pointer to iovecs, or to messages of iovecs, and a count
  flags = 4,          // flags of splice and its kin
  message_flags = 8,  // MSG_NOSIGNAL and its kin
  vector_flags = 16,  // RWF_NOSIGNAL and its kin
  from_file = 32,     // a file to read from, an offset in it and a length
  from_pipe = 64,     // a pipe to read from and a length
  from_socket = 128,  // a socket to read from and a length
  from_gone = 256,    // the same, and its peer has left
  stream = 512,       // a stream of stdio
  anything = ~0U
};

// What is at the other end of a file descriptor. SIGPIPE comes from stream sockets and pipes alone.
enum class Kind { stream_socket, packet_socket, pipe, other };

enum class End { open, gone };

// What the program does about SIGPIPE.
enum class Action { none, ignore, handler, siginfo, resethand };
enum class Block { no, yes };
enum class Pending { nothing, raised, killed };        // with raise(), with kill()
enum class Afterwards { look, wait_for_it, unblock };  // what it does when the call has returned

struct Disposition {
  std::string name;
  Action action;
  Block block;
  Pending pending;
  Afterwards afterwards;
  bool has_handler() const { return action != Action::none && action != Action::ignore; }
};
inline const Disposition dispositions[] = {
#define DISPOSITION(name, action, block, pending, afterwards) \
  {#name, Action::action, Block::block, Pending::pending, Afterwards::afterwards},
#include "support/matrix.def"
};
