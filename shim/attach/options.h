// The command line of nosigpipe-attach.
#pragma once

#include <string>
#include <vector>

namespace attach {

struct Options {
  bool detach = false;
  bool start = false;
  std::vector<std::string> command;  // to start
  std::string library;               // empty: the one that is installed
  bool help = false;
  bool version = false;
  std::string variables;  // those of the launcher, as lines: NOSIGPIPE_NAME=value
  bool lone_log = false;  // the last of them was --log without a value
  std::vector<int> pids;
};

// `arguments` without the program's name. Throws std::invalid_argument, whose text is a line for the user.
Options parse_options(const std::vector<std::string>& arguments);

// The text of --help.
std::string help();

}  // namespace attach
