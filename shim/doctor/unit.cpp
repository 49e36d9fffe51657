#include "doctor/unit.h"

#include <chrono>
#include <filesystem>
#include <string_view>
#include <vector>

#include "doctor/proc_file.h"
#include "tools/child.h"

namespace doctor {
namespace {

struct Service {
  std::string name;
  std::string user;  // the number of whose own manager has it; empty: it is the machine's
};

// The last service on the way to its control group.
std::optional<Service> service_of(int pid) {
  const std::string text = read_proc("/proc/" + std::to_string(pid) + "/cgroup").value_or("");
  std::string_view rest(text);
  constexpr std::string_view kOfUser = "user@";
  while (!rest.empty()) {
    auto path = take_until(rest, '\n');
    Service service;
    while (!path.empty()) {
      const auto part = take_until(path, '/');
      if (!part.ends_with(".service")) continue;
      if (service.name.starts_with(kOfUser))
        service.user = std::to_string(number_of(service.name.substr(kOfUser.size())));
      service.name = part;
    }
    if (!service.name.empty()) return service;
  }
  return {};
}

}  // namespace

std::optional<Unit> unit_of(int pid) {
  if (!std::filesystem::exists("/run/systemd/system")) return {};
  const auto service = service_of(pid);
  if (!service) return {};
  std::vector<std::string> argv{"systemctl", "show", "-p", "IgnoreSIGPIPE", "-p", "Restart", "--", service->name};
  if (!service->user.empty()) {
    argv.insert(argv.begin() + 1, "--user");
    argv.insert(argv.begin(), {"env", "XDG_RUNTIME_DIR=/run/user/" + service->user});
  }
  const tools::Fd nothing = tools::open_to_read("/dev/null");
  tools::Child systemctl(argv, nothing.get());
  Unit unit{service->name, !service->user.empty(), {}, {}};
  const std::string answer = systemctl.output(std::chrono::seconds(1), 65536);
  std::string_view rest(answer);
  while (!rest.empty()) {
    auto line = take_until(rest, '\n');
    const auto name = take_until(line, '=');
    if (name == "IgnoreSIGPIPE") unit.ignore_sigpipe = line;
    if (name == "Restart") unit.restart = line;
  }
  return unit;
}

}  // namespace doctor
