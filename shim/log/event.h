// One SIGPIPE, averted or passed on: what is known about it, and the line or the count that it becomes.
#pragma once

#include <signal.h>

#include <cstddef>
#include <cstdint>

namespace event {

// What has raised a SIGPIPE that is not averted, but has its effect in the program's view.
enum class Passed {
  no,       // it is averted, or observed
  by_call,  // the kernel, over this call
  earlier,  // the kernel, over one before, or a thread of this process
  runaway,  // we
  sent      // somebody, see `info`
};

struct Event {
  const char* call;  // the function, or how the system call was made
  int fd;
  std::size_t asked;           // bytes; kNotKnown where nobody has seen the argument
  const char* technique;       // flag, mask, catch; none where nothing is done about it
  const void* return_address;  // where in the program: what the call returns to
  // The third argument of the handler that has met it: then where in the program it was is found out from that, and
  // SIGPIPE is blocked whatever the thread does.
  const void* context = nullptr;
  bool is_last = false;  // the process ends of it
  Passed passed = Passed::no;
  const siginfo_t* info = nullptr;  // of the signal, where it may say who has sent it
};
constexpr std::size_t kNotKnown = ~std::size_t{0};

// Makes ready for the log, if there is to be one. To be called once, at the start: takes the dynamic linker's lock.
void begin();

// All of these are safe in a signal handler, take no lock and no heap, never block, and leave errno alone.

// Writes a line, or counts the event for the next line of its call site. Counts only, too, where the line cannot be
// written at once, or an alternate stack has no room for it.
void log(const Event& event);

// A thread runs away on this fd after so many EPIPEs; `action` is what is done about it.
void log_runaway(int fd, unsigned epipes, const char* action);

// The program is about to become this user, or to change its root directory: what a line needs from the file system is
// opened, since it may be out of reach from then on.
void before_user(unsigned user);
void before_root();

// The program was told by wait(2) how a child has ended; whether the last one has died of SIGPIPE.
void child_ended(int status);
bool child_has_died();

// The process ends: writes what was counted and is in no line yet, and how often each call site has met SIGPIPE in all.
// With the context where it is a signal handler that says so.
void log_totals(const void* context = nullptr);

}  // namespace event
