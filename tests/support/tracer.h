// strace, come to a program that is under way: where a tracer watches the start, the shim does otherwise.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>

#include "support/catch.h"
#include "support/directory.h"
#include "support/process.h"

// Not in a container whose seccomp filter refuses ptrace(2).
inline bool can_trace() { return run({"strace", "-o", "/dev/null", "true"}).exited(0); }

// A test of something that traces, skipped where nothing can.
#define TRACING_TEST_CASE(name) TRACING_TEST_CASE_AT(name, __LINE__)
#define TRACING_TEST_CASE_AT(name, line) TRACING_TEST_CASE_IN(name, line)  // the number, not the word
#define TRACING_TEST_CASE_IN(name, line)                       \
  static void traces_in_##line();                              \
  TEST_CASE(name) {                                            \
    if (!can_trace()) SKIP_TEST("nothing can be traced here"); \
    traces_in_##line();                                        \
  }                                                            \
  static void traces_in_##line()

// From its beginning strace has stopped the program once, and sees all that it does from then on.
class Tracer {
 public:
  Tracer(pid_t pid, const Strings& how) : said_(directory_ / "said") {
    Start start;
    start.err = open(said_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    strace_ = std::make_unique<Process>(
        joined(joined({"strace", "-o", directory_ / "trace"}, how), {"-p", std::to_string(pid)}), start);
    close(start.err);
    // As its tracer it is known a moment before that.
    if (!eventually([&] { return has(contents(said_), " attached\n"); }))
      throw std::runtime_error("strace cannot trace here: " + contents(said_));
  }

  // What it has written when the program has ended.
  std::string trace() {
    const Ending ending = strace_->wait();
    if (!ending.exited(0)) throw std::runtime_error("strace: " + ending.text() + "\n" + contents(said_));
    return contents(directory_ / "trace");
  }

 private:
  const Directory directory_;
  const std::string said_;
  std::unique_ptr<Process> strace_;
};
