// The addresses of libc's functions that the loader has written into the program and its libraries, turned to our hooks
// and back.
#pragma once

namespace late::got {

struct Count {
  unsigned functions;  // of functions.def
  unsigned modules;
};

// Left as they are: what does not lead to libc's own, objects that are being loaded just now, and those that come
// later.
Count turn();

// What leads to our hooks leads where it did. Objects that are gone meanwhile are not looked for.
Count turn_back();

}  // namespace late::got
