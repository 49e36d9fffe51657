#include "doctor/machine_remark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string_view>

#include "doctor/in_force.h"
#include "doctor/proc_file.h"
#include "system/machine_file.h"
#include "system/option_value.h"
#include "tools/fd.h"

namespace doctor {

namespace {

std::string valid_text() { return text_of(tools::open_to_read(machine_file::kPath, O_NONBLOCK | O_NOCTTY)); }

// The variables of others are none of ours: a service reads the same file.
bool counts_for_nothing(std::string_view line) {
  if (line.empty() || line.starts_with('#') || line.starts_with(';')) return false;
  if (line.find('=') == line.npos) return true;
  std::string_view value(line);
  const auto name = take_until(value, '=');
  if (name.find("NOSIGPIPE_") == name.npos) return false;
  const auto* option = std::ranges::find(options::kAll, name, &options::Option::name);
  return option == std::end(options::kAll) ||
         options::place(*option, machine_file::unquoted(machine_file::stripped(value))) == options::kInvalid;
}

}  // namespace

std::string machine_says(const std::string& variable) {
  return std::string(machine_file::value(valid_text(), variable));
}

std::string in_force(const std::string& variable) {
  const char* ours = std::getenv(variable.c_str());
  return in_force(variable, ours == nullptr ? std::nullopt : std::optional<std::string>(ours), valid_text());
}

std::string setting_of_mode(const std::string& mode) {
  return "NOSIGPIPE_MODE=" + mode +
         (machine_says("NOSIGPIPE_MODE") == mode ? std::string(" in ") + machine_file::kPath : "");
}

std::string machine_remark() {
  const std::string path = machine_file::kPath;
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return "";
  if (const char* why = machine_file::why_ignored(status.st_mode, status.st_uid, status.st_size); why != nullptr)
    return path + " is ignored: " + why;
  if (access(path.c_str(), R_OK) != 0) return path + " is ignored by whoever may not read it, as you";
  if (machine_says("NOSIGPIPE_MODE") == "off")
    return path + " turns nosigpipe off for all that is started on this machine (NOSIGPIPE_MODE=off)";
  const auto text = valid_text();
  for (std::string_view rest(text); !rest.empty();)
    if (const auto line = machine_file::stripped(take_until(rest, '\n')); counts_for_nothing(line))
      return path + " has a line that counts for nothing: " + std::string(line);
  return "";
}

}  // namespace doctor
