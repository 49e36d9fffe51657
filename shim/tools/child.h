// Starts other programs, without a shell, and reads what they write.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "tools/fd.h"

namespace tools {

// A running program whose output we read. It is killed with its owner.
class Child {
 public:
  // Starts argv[0], which is looked for in PATH. Its standard input is `in`; its descriptor 3 is `extra`, unless that
  // is -1. It has no environment but PATH and the C locale: no library is preloaded into it, and it asks no server for
  // debug files.
  Child(const std::vector<std::string>& argv, int in, int extra = -1);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  bool started() const { return pid_ > 0; }
  int out() const { return out_.get(); }
  // Waits for its end; whether its exit status was 0. To be asked once.
  bool succeeded();

  // What it writes until its end, but no longer than `limit`, and no more than `most` bytes and a block of 16 KiB.
  std::string output(std::chrono::milliseconds limit, std::size_t most);

 private:
  pid_t pid_ = -1;
  Fd out_;
};

}  // namespace tools
