// What /proc says of this process.
#pragma once

namespace proc {

struct Status {
  bool traced;      // a debugger or tracer is attached
  bool in_seccomp;  // a seccomp filter is in force
};
// Reads the first 8 KiB of /proc/self/status; both false where there is none. errno is left alone.
Status status();

// Whether this thread is the whole process. Without /proc: false.
bool single_threaded();

}  // namespace proc
