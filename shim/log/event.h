// One averted SIGPIPE: what is known about it, and the telling of it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace event {

struct Event {
  const char* call;  // the function, or how the system call was made
  int fd;
  std::size_t asked;      // bytes; kNotKnown where nobody has seen the argument
  const char* technique;  // flag, mask, catch; none where nothing is done about it
  const void* caller;     // where in the program: what the call returns to
  // Told by the handler, with this context: then where in the program it was is found out from that, and SIGPIPE is
  // blocked whatever the thread does.
  const void* context = nullptr;
  bool is_last = false;  // the process ends of it
};
constexpr std::size_t kNotKnown = ~std::size_t{0};

// Gets ready, if anybody wants to know. To be called once, at the start.
void open();

// Tells it, or counts it for the next line of its call site. Safe in a signal handler; errno may change.
void tell(const Event& event);

// A thread runs away on this fd; `action` is what is done about it.
void tell_runaway(int fd, unsigned epipes, const char* action);

// The process ends: tells what was counted and not yet told, and how often it was in all. With the context where it is
// a signal handler that says so.
void tell_totals(const void* context = nullptr);

}  // namespace event
