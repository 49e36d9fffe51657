// What the kernel itself counts of a program and of all that it starts: the SIGPIPEs that it raises, and the calls that
// fail with EPIPE; of these the sends alone, which raise no SIGPIPE where the shim has put MSG_NOSIGNAL to them, or
// all. By two instances of tracefs, of which nothing is read but how many events they were given: so none is lost,
// however small their buffers.
#pragma once

#include <string>

#include "support/strings.h"

class KernelCount {
 public:
  // Where `tracefs` is empty nothing is counted.
  KernelCount(const std::string& tracefs, const std::string& name, bool counts_all);
  KernelCount(const KernelCount&) = delete;
  KernelCount& operator=(const KernelCount&) = delete;
  ~KernelCount();

  bool is_there() const { return !signals_.empty(); }

  // The command, counted from its first instruction on.
  Strings counted(const Strings& command) const;

  long signals() const;
  long failed_calls() const;  // with EPIPE

 private:
  std::string signals_;
  std::string failed_calls_;
};
