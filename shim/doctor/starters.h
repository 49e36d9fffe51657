// Programs that start others, as far as they are known here: which of their arguments is the program, and whether what
// is in LD_PRELOAD gets through them.
#pragma once

#include <string>
#include <vector>

namespace doctor {

struct Started {
  std::string lost_in;            // the name of who clears LD_PRELOAD; empty: it gets through
  std::string remedy;             // what to do instead
  std::vector<std::string> argv;  // what is started, where that is known; empty: this is no starter
};

Started started_by(const std::vector<std::string>& argv);

}  // namespace doctor
