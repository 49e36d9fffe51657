// What most tests are about: a program that SIGPIPE kills as it is, and not under the shim.
#pragma once

#include <signal.h>

#include "support/catch.h"
#include "support/process.h"

inline void is_killed_bare(const Strings& argv) { REQUIRE(run(argv).killed_by(SIGPIPE)); }

// Bare it is killed; started so it ends well. What it says comes back.
inline Ending lives(const Strings& argv, const Start& start, std::chrono::milliseconds limit = kPatience) {
  is_killed_bare(argv);
  const Ending ending = run(argv, start, limit);
  INFO(ending.text() << "\n" << ending.out << ending.err);
  REQUIRE(ending.exited(0));
  return ending;
}
