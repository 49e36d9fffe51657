// Starts programs, bare or under the shim, and says how they ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "support/strings.h"

// How a program ended, and what it wrote on the way.
struct Ending {
  int status = 0;          // as waitpid(2) gives it
  bool timed_out = false;  // it was killed by us because it did not end
  std::string out;         // its standard output and error, where they were captured
  std::string err;

  bool exited(int code) const;
  bool killed_by(int signal) const;
  std::string text() const;  // "exit status 0", "killed by signal 13 (Broken pipe)", "did not end in time"
};

struct Start {
  bool shim = false;      // preload build/libnosigpipe.so, after what `env` puts into LD_PRELOAD
  std::string flavour;    // which build of it: "" or "i386/"
  Strings env;            // "NAME=VALUE" sets, "NAME" removes
  std::string directory;  // to start in; empty: here
  int in = -1;            // file descriptors to use; -1: /dev/null for input, captured for the others
  int out = -1;
  int err = -1;
  bool ignore_sigpipe = false;  // the disposition to start with, as env --ignore-signal=PIPE gives
  bool block_sigpipe = false;   // the mask to start with
};

// The same start, under the shim and with these variables.
Start with_shim(const Strings& variables = {}, Start start = {});

// As env --ignore-signal=PIPE starts it: to a program that does not touch SIGPIPE, the kernel's own word on what the
// shim should do.
Start ignoring_sigpipe(Start start = {});

constexpr std::chrono::seconds kPatience{100};

// How long something may take, as it would have the machine for itself: with three programs at work for each processor,
// three times as long.
class Patience {
 public:
  explicit Patience(std::chrono::milliseconds limit) : limit_(limit) {}
  bool is_over() const;

 private:
  std::chrono::milliseconds limit_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// A program under way. It starts with SIGPIPE default and unblocked unless told otherwise, with every NOSIGPIPE_
// variable removed, in a process group of its own. The destructor kills what is left of that group.
class Process {
 public:
  explicit Process(const Strings& argv, const Start& start = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  pid_t pid() const { return pid_; }
  bool running();  // false as soon as it has ended, also before wait()
  void signal(int number) const;
  Ending wait(std::chrono::milliseconds limit = kPatience);

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  bool has_ended_ = false;
  Ending ending_;
};

Ending run(const Strings& argv, const Start& start = {}, std::chrono::milliseconds limit = kPatience);

// The same of a program that is no subject of the test, only at work for it: anything but status 0 is thrown, with what
// it said. Returns its standard output.
std::string output_of(const Strings& argv, const Start& start = {});

// Where the build has put a file: built("libnosigpipe.so"), built("tests/victims/victim").
std::string built(const std::string& name);

// Waits until the condition holds, looking again every few milliseconds; false when patience is over.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(60));

void nap();  // a few milliseconds between two looks at a condition

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit) {
  const Patience patience(limit);
  while (!condition()) {
    if (patience.is_over()) return false;
    nap();
  }
  return true;
}
