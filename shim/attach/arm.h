// Arms a process whose loader can be asked: our library is loaded into it and called there; and takes that back.
#pragma once

#include <chrono>
#include <string>

#include "attach/target.h"

namespace attach {

struct Outcome {
  bool is_done;        // else the library says why not; it stays loaded, and does nothing
  std::string answer;  // of the library
  std::chrono::microseconds stopped_for;
};

// With the library that is given, or if it `is_to_fit` with the one beside it for programs of this class. `options` are
// lines as in the environment, "NOSIGPIPE_LOG=/x\n". Throws Refusal, and then nothing has been changed; or Lost.
Outcome arm(const Target& target, const std::string& given, bool is_to_fit, const std::string& options);
Outcome disarm(const Target& target);

}  // namespace attach
