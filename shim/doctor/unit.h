// The unit of systemd that a process belongs to, and what it says of SIGPIPE.
#pragma once

#include <optional>
#include <string>

namespace doctor {

struct Unit {
  std::string name;            // "nginx.service"
  bool is_of_user;             // whose own manager has it
  std::string ignore_sigpipe;  // "yes", "no", or empty: not known
  std::string restart;         // as in the unit: "on-failure"

  // How to ask its manager.
  std::string systemctl() const { return is_of_user ? "systemctl --user" : "systemctl"; }
};

// Nothing where systemd does not run, or the process is in no service. Asks systemctl, for a second at most.
std::optional<Unit> unit_of(int pid);

}  // namespace doctor
