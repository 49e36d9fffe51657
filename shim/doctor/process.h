// A process as /proc shows it: what SIGPIPE does to it, and in which of its threads.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace doctor {

enum class Disposition { standard, ignored, caught };

struct Process {
  int pid = 0;
  int thread = 0;    // one that lives, where what all of them share is seen: the main one may have ended
  std::string name;  // of its main thread
  std::string exe;   // empty where it may not be known
  std::vector<std::string> arguments;
  bool has_ended = false;  // and nobody has waited for it yet
  bool is_kernel_thread = false;
  bool is_first = false;  // of its PID namespace, which no default action kills
  Disposition disposition = Disposition::standard;
  std::size_t threads = 0;
  std::size_t blocking = 0;  // how many of these block SIGPIPE
  int tracer = 0;
  std::optional<bool> is_secure;  // AT_SECURE: it was started with more rights than its caller had

  std::string command_line() const;  // blanks between the arguments
  std::string directory() const { return "/proc/" + std::to_string(thread) + "/"; }
};

// Nothing where there is none, or no more.
std::optional<Process> read_process(int pid);

// What costs more, and a table of all does not need for most: the program, its arguments, AT_SECURE.
void read_program(Process& process);

}  // namespace doctor
