// Runs a command under nosigpipe, with a log of its own.
#pragma once

#include <string>
#include <vector>

namespace report {

// An empty log in a private directory, which is removed again with all that is in it.
class PrivateLog {
 public:
  // Throws std::runtime_error where it cannot be made.
  PrivateLog();
  PrivateLog(const PrivateLog&) = delete;
  PrivateLog& operator=(const PrivateLog&) = delete;
  ~PrivateLog();

  const std::string& name() const { return name_; }

 private:
  std::string directory_, name_;
};

// Runs the command under the launcher that stands beside this program, or else the one in PATH, and waits for its end.
// SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGUSR1 and 2 are handed on to it, and end this program no more. Its exit
// status, or 128 and the signal that has killed it; 125 where there is no launcher. Throws std::runtime_error where no
// process can be started.
int run_command(const std::vector<std::string>& command, const std::string& log);

}  // namespace report
