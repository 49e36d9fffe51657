// The unit of systemd that a process belongs to, and what it says of SIGPIPE.
#pragma once

#include <optional>
#include <string>

namespace doctor {

struct Unit {
  std::string name;            // "nginx.service"
  std::string ignore_sigpipe;  // "yes", "no", or empty: not known
  std::string restart;         // as in the unit: "on-failure"
};

// Nothing where systemd does not run, or the process is in no service. Asks systemctl, for a second at most.
std::optional<Unit> unit_of(int pid);

}  // namespace doctor
