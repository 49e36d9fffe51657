#include "doctor/in_force.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "system/machine_file.h"
#include "system/option_value.h"

namespace doctor {

std::string text_of(const tools::Fd& file) {
  std::string text(machine_file::kMost, '\0');
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0 ||
      machine_file::why_ignored(status.st_mode, status.st_uid, status.st_size) != nullptr)
    return "";
  const ssize_t length = pread(file.get(), text.data(), text.size(), 0);
  text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return text;
}

std::string in_force(const std::string& variable, const std::optional<std::string>& given, const std::string& text) {
  const std::string machines(machine_file::value(text, variable));
  const bool is_off = variable == "NOSIGPIPE_MODE" && machines == "off";
  const std::string value = !given || is_off ? machines : *given;
  const auto* option = std::ranges::find(options::kAll, std::string_view(variable), &options::Option::name);
  return options::place(*option, value) == options::kInvalid ? std::string(option->fallback) : value;
}

}  // namespace doctor
