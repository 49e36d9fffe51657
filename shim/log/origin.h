// Where a SIGPIPE comes from that is passed on to the program: the kind of file that was written to, or who has sent
// it.
#pragma once

#include "log/event.h"
#include "log/record_writer.h"

struct Origin {
  std::string_view kind;
  char room[4096];
  std::string_view fifo;  // its path, where it is one
  int pid;                // of the sender; 0: nobody, or somebody outside of our pid namespace
  unsigned uid;
  bool has_sender;
  std::string_view program;  // the sender's, as it is now
};

namespace origin {

// Asks the kernel, with at most five system calls. Safe in a signal handler; never blocks.
void look_at(const event::Event& event, Origin& origin);

// The fields: kind path sender_pid sender_uid sender.
void add(record::Writer& record, const Origin& origin);

}  // namespace origin
