// Programs that start others, as far as they are known here: which of their arguments is the program, and whether what
// is in LD_PRELOAD gets through them.
#pragma once

#include <optional>
#include <string>

#include "doctor/arguments.h"

namespace doctor {

struct Started {
  std::string lost_in;              // the name of who clears LD_PRELOAD; empty: it gets through
  std::string remedy;               // what to do instead
  std::string not_known;            // why its arguments are not understood
  Words argv;                       // what is started, where that is known; empty: this is no starter
  std::string directory;            // where it is started; empty: here
  std::optional<std::string> path;  // the PATH that it is looked for in, where it is another; empty: none is set
};

Started started_by(const Words& argv);

// env(1): options, variables, and then a command.
Started started_by_env(Words argv);

// The loader, as a program, runs the one that it is given.
Started started_by_loader(const Words& argv);

}  // namespace doctor
