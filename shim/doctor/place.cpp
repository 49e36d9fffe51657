#include "doctor/place.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "doctor/proc_file.h"

namespace doctor {
namespace {

bool is_executable(const std::string& file) {
  struct stat status {};
  return stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(file.c_str(), X_OK) == 0;
}

}  // namespace

std::filesystem::path Place::file(const std::filesystem::path& name) const {
  return name.is_absolute() && !root.empty() ? root / name.relative_path() : directory / name;
}

std::string Place::find(const std::string& name) const {
  const auto executable = [this](const std::filesystem::path& at) -> std::string {
    const auto found = file(at);
    return is_executable(found) ? found : "";
  };
  if (name.find('/') != name.npos) return executable(name);
  std::string_view rest(path);
  for (bool more = true; more;) {
    more = rest.find(':') != rest.npos;
    const auto part = take_until(rest, ':');
    if (const auto found = executable(std::filesystem::path(part.empty() ? "." : part) / name); !found.empty())
      return found;
  }
  return "";
}

Place own_place() {
  const char* path = std::getenv("PATH");
  return {path != nullptr ? path : "/usr/local/bin:/bin:/usr/bin", {}, {}};
}

}  // namespace doctor
