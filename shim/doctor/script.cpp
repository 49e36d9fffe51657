#include "doctor/script.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "doctor/proc_file.h"
#include "tools/fd.h"

namespace doctor {

std::string beginning_of(const std::string& name) {
  const tools::Fd file = tools::open_to_read(name, O_NONBLOCK | O_NOCTTY);
  char start[256];
  const ssize_t length = file ? pread(file.get(), start, sizeof start, 0) : -1;
  return {start, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

std::vector<std::string> interpreter_in(std::string_view text) {
  if (!text.starts_with("#!")) return {};
  auto line = take_until(text, '\n').substr(2);
  std::vector<std::string> words;
  if (const auto word = take_word(line); !word.empty()) words.emplace_back(word);
  const auto first = line.find_first_not_of(" \t");
  if (!words.empty() && first != line.npos)
    words.emplace_back(line.substr(first, line.find_last_not_of(" \t\r") + 1 - first));
  return words;
}

}  // namespace doctor
