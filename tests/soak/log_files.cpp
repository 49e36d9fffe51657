#include "soak/log_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace {

// Text or JSON; empty where there is no such field.
std::string field(const std::string& line, const std::string& name) {
  for (const auto& before : {" " + name + "=", "\"" + name + "\":"}) {
    const auto at = line.find(before);
    if (at == std::string::npos) continue;
    const auto begin = at + before.size();
    const bool is_quoted = line[begin] == '"';
    return is_quoted ? line.substr(begin + 1, line.find('"', begin + 1) - begin - 1)
                     : line.substr(begin, line.find_first_of(" ,}", begin) - begin);
  }
  return "";
}

long number(const std::string& line, const std::string& name) {
  const auto digits = field(line, name);
  return digits.empty() ? 0 : std::stol(digits);
}

// Of a line that a full disk has cut short only JSON shows that it is one. What it accounts for is said again.
bool is_whole(const std::string& line) {
  return line.starts_with("nosigpipe: ") || (line.starts_with('{') && line.ends_with('}'));
}

constexpr const char* kMoved = ".1";

}  // namespace

Strings LogFiles::files() const {
  Strings list;
  for (const auto& file : std::filesystem::directory_iterator(directory_))
    if (file.is_regular_file() && file.path().filename().string().starts_with("log")) list.push_back(file.path());
  return list;
}

void LogFiles::rotate() {
  if (rotation_ == Rotation::none) return;
  ++rotations_;
  for (const auto& file : files()) {
    if (file.ends_with(kMoved)) continue;
    if (rotation_ == Rotation::by_copy) {
      read(file);
      if (truncate(file.c_str(), 0) != 0) throw std::runtime_error("cannot truncate " + file);
    } else {
      const auto moved = file + kMoved;
      read(moved);
      std::filesystem::rename(file, moved);
    }
  }
}

void LogFiles::read_all() {
  for (const auto& file : files()) read(file);
}

void LogFiles::read(const std::string& file) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (is_whole(line)) take(line);
}

void LogFiles::take(const std::string& line) {
  const auto count = number(line, "count");
  const auto kind = field(line, "event");
  count_ += count;
  if (kind == "passed") deadly_ += number(line, "kills");
  if (rotation_ != Rotation::by_copy) return;
  auto& site = sites_[field(line, "pid") + field(line, "call") + field(line, "stack")];
  site.counted += count;
  site.total = std::max(site.total, number(line, "total"));
}

long LogFiles::by_totals() const {
  long sum = 0;
  for (const auto& [name, site] : sites_) sum += site.total > 0 ? site.total : site.counted;
  return sum;
}
