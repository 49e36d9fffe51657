// Programs that start others, as far as they are known here: which of their arguments is the program, and whether what
// is in LD_PRELOAD gets through them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "doctor/arguments.h"

namespace doctor {

struct Started {
  Words argv;                          // what is started, where that is known; empty: this is no starter
  bool executes = false;               // something, though it is not known what
  std::string lost_in;                 // the name of who clears LD_PRELOAD; empty: it gets through
  std::string remedy;                  // what to do instead
  std::string not_known;               // why its arguments are not understood
  std::optional<std::string> preload;  // the LD_PRELOAD that it gets in the place of ours
  bool is_inside = false;              // a container, another root or machine: what our files say does not count
  std::string root;                    // its root directory; empty: this one
  std::string directory;               // where it is started; empty: here
  std::optional<std::string> path;     // the PATH that it is looked for in, where it is another; empty: none is set
};

Started started_by(const Words& argv);

// The loader, as a program, runs the one that it is given.
Started started_by_loader(const Words& argv);

// What is behind the first words, as many as there are; who clears LD_PRELOAD; whose arguments are not understood.
Started goes_on(const Words& words, std::size_t number = 0);
Started lost_in(const std::string& name, const std::string& remedy, const Words& argv = {});
Started not_understood(const std::string& name);

}  // namespace doctor
