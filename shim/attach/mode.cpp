#include "attach/mode.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "system/machine_file.h"
#include "system/option_value.h"

namespace attach {
namespace {

constexpr const char* kVariable = "NOSIGPIPE_MODE";

// Empty where it is ignored.
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

}  // namespace

std::string given(const std::string& lines, const std::string& variable) {
  const auto begin = ("\n" + lines).find("\n" + variable + "=");
  if (begin == lines.npos) return "";
  const auto value = lines.substr(begin + variable.size() + 1);
  return value.substr(0, value.find('\n'));
}

std::string mode_of(const std::string& given, const tools::Fd& machine_file) {
  const auto text = text_of(machine_file);
  const std::string machines(machine_file::value(text, kVariable));
  const auto& mode = given.empty() || machines == "off" ? machines : given;
  const auto* option = std::ranges::find(options::kAll, std::string_view(kVariable), &options::Option::name);
  return options::place(*option, mode) == options::kInvalid ? std::string(option->fallback) : mode;
}

}  // namespace attach
