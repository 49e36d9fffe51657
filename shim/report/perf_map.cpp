#include "report/perf_map.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "report/parse.h"
#include "tools/fd.h"

namespace report {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargest{64UL * 1024 * 1024};
constexpr std::size_t kLongestName = 1024;

std::optional<std::uint64_t> take_hex(std::string_view& line) {
  std::uint64_t number = 0;
  const auto result = std::from_chars(line.data(), line.data() + line.size(), number, 16);
  if (result.ec != std::errc{}) return {};
  line.remove_prefix(static_cast<std::size_t>(result.ptr - line.data()));
  if (!take(line, ' ')) return {};
  return number;
}

// CPython's "py::fetch:/srv/app.py"; V8's "JS:*fetch /srv/app.js:14:9", in which a sign says how it was compiled.
Location location_in(std::string_view name) {
  name = name.substr(0, kLongestName);
  if (name.starts_with("py::")) {
    const auto colon = name.rfind(':');
    return {std::string(name.substr(4, std::max<std::size_t>(colon, 4) - 4)), std::string(name.substr(colon + 1))};
  }
  const auto space = name.rfind(' ');
  const auto tag = name.find(':');
  if (const auto source = space == name.npos ? "" : source_in(name.substr(space + 1)); !source.empty() && tag < space) {
    auto function = name.substr(tag + 1, space - tag - 1);
    function.remove_prefix(std::min(function.find_first_not_of("*~^+"), function.size()));
    return {function.empty() ? "(anonymous)" : std::string(function), source};
  }
  return {std::string(name), {}};
}

// The text of a map that may be read; or why not, which is empty where there is none.
std::pair<std::optional<std::string>, std::string> text_of(int directory, const Process& process,
                                                           std::optional<std::uint64_t> owner) {
  const auto name = "perf-" + std::to_string(process.pid) + ".map";
  const tools::Fd fd(openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return {{}, errno == ENOENT ? "" : errno == ELOOP ? "it is a symbolic link" : std::strerror(errno)};
  struct stat status {};
  if (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {{}, "it is no regular file"};
  if (status.st_uid != owner && status.st_uid != geteuid()) return {{}, "it is neither the process's user's nor yours"};
  if (!process.started) return {{}, "the log does not say since when the process ran"};
  if (status.st_mtim.tv_sec < 0 || static_cast<std::uint64_t>(status.st_mtim.tv_sec) < *process.started)
    return {{}, "it is older than the process"};
  if (static_cast<std::uint64_t>(status.st_size) > kLargest) return {{}, "it is larger than 64 MiB"};
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  const auto length = pread(fd.get(), text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  return {text, ""};
}

// Of a process whose pid in its own namespace this is.
bool is_inner_pid(const fs::path& status, std::uint64_t pid) {
  std::ifstream file(status);
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("NSpid:"))
      return std::ranges::count(line, '\t') > 1 && line.substr(line.rfind('\t') + 1) == std::to_string(pid);
  return false;
}

// No link that the container has made is followed: it would lead out of there.
std::optional<std::string> text_in_container(const Process& process) {
  std::error_code error;
  for (fs::directory_iterator at("/proc", error); !error && at != fs::directory_iterator(); at.increment(error)) {
    if (!is_digit(at->path().filename().string()[0]) || !is_inner_pid(at->path() / "status", process.pid)) continue;
    struct stat outside {};
    const tools::Fd root(open((at->path() / "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const tools::Fd tmp(openat(root.get(), "tmp", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!tmp || stat(at->path().c_str(), &outside) != 0) continue;
    if (auto [text, why] = text_of(tmp.get(), process, outside.st_uid); text) return text;
  }
  return {};
}

}  // namespace

Names names_in(std::string_view map, const std::vector<std::uint64_t>& addresses) {
  std::map<std::uint64_t, std::string_view> found;
  while (!map.empty()) {
    auto line = map.substr(0, map.find('\n'));
    map.remove_prefix(std::min(line.size() + 1, map.size()));
    const auto begin = take_hex(line);
    const auto size = begin ? take_hex(line) : std::nullopt;
    if (!size) continue;
    for (auto at = std::ranges::lower_bound(addresses, *begin); at != addresses.end() && *at - *begin < *size; ++at)
      found[*at] = line;
  }
  Names names;
  for (const auto& [address, name] : found) names.emplace(address, location_in(name));
  return names;
}

Names PerfMaps::names(const Process& process, const std::vector<std::uint64_t>& addresses) {
  const tools::Fd tmp(open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto [text, why] = text_of(tmp.get(), process, process.uid);
  if (!text) text = text_in_container(process);
  if (text) return names_in(*text, addresses);
  if (!why.empty() && trouble_.empty())
    trouble_ = "/tmp/perf-" + std::to_string(process.pid) + ".map is not read, " + why;
  return {};
}

}  // namespace report
