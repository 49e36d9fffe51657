// The command line of nosigpipe-doctor.
#pragma once

#include <string>
#include <vector>

namespace doctor {

// What each member is for stands in options.def, beside the option of its name.
struct Options {
  bool all = false;
  bool json = false;
  std::string for_launcher;  // empty: it does not ask
  bool help = false;
  bool version = false;
  std::vector<int> pids;
  std::vector<std::string> command;
};

// `arguments` without the program's name. Throws std::invalid_argument, whose text is a line for the user.
Options parse_options(const std::vector<std::string>& arguments);

// The text of --help.
std::string help();

}  // namespace doctor
