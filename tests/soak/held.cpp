#include "soak/held.h"

#include <filesystem>

#include "support/daemon.h"
#include "support/directory.h"

namespace {

void add(Held& held, pid_t pid) {
  held.processes.push_back(pid);
  const auto proc = "/proc/" + std::to_string(pid);
  std::error_code gone;
  for (const auto& fd : std::filesystem::directory_iterator(proc + "/fd", gone)) {
    ++held.fds;
    if (std::filesystem::read_symlink(fd, gone).string().starts_with("socket:")) ++held.sockets;
  }
  const auto status = contents(proc + "/status");
  if (const auto at = status.find("RssAnon:"); at != std::string::npos) held.kib += std::stol(status.substr(at + 8));
  for (const pid_t child : children(pid)) add(held, child);
}

}  // namespace

Held held_by(pid_t server) {
  Held held;
  add(held, server);
  return held;
}
