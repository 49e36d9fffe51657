// What /proc says of this process.
#pragma once

namespace proc {

struct Status {
  bool traced;    // a debugger or tracer is attached
  bool confined;  // a seccomp filter is in force
};
Status status();  // both false where there is no /proc

// Whether this thread is the whole process. Without /proc: false.
bool single_threaded();

}  // namespace proc
