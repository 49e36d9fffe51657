// All processes that a SIGPIPE of a socket would kill.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "doctor/verdict.h"

namespace doctor {

struct Everybody {
  std::vector<Finding> dying;  // that hold stream sockets; those with the most first
  std::size_t looked_at = 0;
  std::size_t without_sockets = 0;  // that would die, and hold none
  std::size_t not_known = 0;        // of which it may not be known whether they hold any, or what the shim does in them
};

Everybody look_at_all();
std::string as_table(const Everybody& everybody);

}  // namespace doctor
