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
  bool is_of_user;  // whose own manager has it
};

// The last service on the way to its control group.
std::optional<Service> service_of(int pid) {
  const std::string text = read_proc("/proc/" + std::to_string(pid) + "/cgroup").value_or("");
  std::string_view rest(text);
  while (!rest.empty()) {
    auto path = take_until(rest, '\n');
    Service service{{}, false};
    while (!path.empty()) {
      const auto part = take_until(path, '/');
      if (!part.ends_with(".service")) continue;
      if (service.name.starts_with("user@")) service.is_of_user = true;
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
  if (service->is_of_user) argv.insert(argv.begin() + 1, "--user");
  const tools::Fd nothing = tools::open_to_read("/dev/null");
  tools::Child systemctl(argv, nothing.get());
  Unit unit{service->name, {}, {}};
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
