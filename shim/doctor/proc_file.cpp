#include "doctor/proc_file.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>

#include "tools/fd.h"

namespace doctor {

constexpr std::size_t kLongest = 64 << 20;

std::optional<std::string> read_proc(const std::string& path) {
  const tools::Fd file = tools::open_to_read(path);
  if (!file) return {};
  std::string text;
  char block[64 << 10];  // many files give a page at a time, whatever the room
  while (text.size() < kLongest) {
    const ssize_t got = read(file.get(), block, sizeof block);
    if (got < 0) return {};  // ESRCH: it has ended
    if (got == 0) break;
    text.append(block, static_cast<std::size_t>(got));
  }
  return text;
}

std::string link_of(const std::string& path) {
  char name[PATH_MAX];
  const ssize_t length = readlink(path.c_str(), name, sizeof name);
  return {name, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

std::string_view take_until(std::string_view& text, char end) {
  const auto length = std::min(text.find(end), text.size());
  const auto taken = text.substr(0, length);
  text.remove_prefix(std::min(length + 1, text.size()));
  return taken;
}

std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  const auto end = text.find_first_of(" \t");
  return take_until(text, end == text.npos ? ' ' : text[end]);
}

std::string_view value_of(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    auto line = take_until(text, '\n');
    if (!line.starts_with(name) || line.substr(name.size(), 1) != ":") continue;
    line.remove_prefix(name.size() + 1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line;
  }
  return {};
}

std::uint64_t number_of(std::string_view text, int base) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

}  // namespace doctor
