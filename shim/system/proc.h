// What /proc says of this process. errno is left alone, nothing blocks, and all are safe in a signal
// handler. Linux 3.17 is the first with /proc/thread-self: before it what needs that is not known.
#pragma once

#include <cstddef>
#include <string_view>

namespace proc {

struct Status {
  bool is_known;    // there is a /proc
  bool is_put_off;  // no descriptor is free to look there
  bool is_traced;   // a debugger or tracer is attached
  bool has_filter;  // a seccomp filter is in force
};
Status status();

// Whether a tracer is attached now. Without /proc: false.
bool is_traced();

// How many fds there may be: all that are open are lower. -1 where nobody says.
int fd_limit();

// Whether this thread is the whole process. Without /proc: false.
bool single_threaded();

// The name of a process's file, in this room; empty where it may not be known. No descriptor is needed to ask.
std::string_view program_of(int pid, char* room, std::size_t size);

// What this thread has written so far, in bytes, by calls that /proc counts: not by send. -1 where it is not said.
long long bytes_written();

#ifdef NOSIGPIPE_LATE
// When this process began, in seconds since 1970. Without /proc: now.
long long started();
#endif

}  // namespace proc
