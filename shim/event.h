// What is known about one averted SIGPIPE.
#pragma once

#include <cstddef>

namespace event {

struct Event {
  const char* call;  // the function, or how the system call was made
  int fd;
  std::size_t asked;      // bytes; kNotKnown where nobody has seen the argument
  const char* technique;  // flag, mask, catch; none where nothing is done about it
  const void* caller;     // where in the program
  bool caught = false;    // told by the handler, in which SIGPIPE is blocked whatever the thread does
};
constexpr std::size_t kNotKnown = ~std::size_t{0};

// Tells it, if anybody wants to know. Safe in a signal handler; errno may change.
void tell(const Event& event);

}  // namespace event
