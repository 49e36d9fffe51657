// What a server and its children hold: processes, descriptors, memory.
#pragma once

#include <sys/types.h>

#include <vector>

struct Held {
  std::vector<pid_t> processes;
  long fds = 0;
  long sockets = 0;  // of these
  long kib = 0;      // of memory that is no file's (RssAnon)
};

Held held_by(pid_t server);
