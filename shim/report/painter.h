// What the parts of the table have in common: colours, columns and times.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "report/screen.h"
#include "report/sum.h"
#include "tools/display.h"

namespace report {

class Painter {
 public:
  explicit Painter(const Screen& screen) : screen_(screen) {}
  std::string bold(const std::string& text) const { return painted("1", text); }
  std::string dim(const std::string& text) const { return painted("2", text); }
  std::string red(const std::string& text) const { return painted("31", text); }

  // As much of the text as there is room for behind `used` columns.
  std::string cut(const std::string& text, std::size_t used) const {
    if (screen_.width == 0 || used + text.size() <= screen_.width) return text;
    const std::size_t room = screen_.width > used + 3 ? screen_.width - used - 3 : 0;
    return text.substr(0, room) + "...";
  }

  // In as many dim lines as they need. Of a piece that is too long the end stays.
  std::string wrapped(const std::vector<std::string>& pieces, const std::string& indent) const {
    const std::size_t room =
        screen_.width == 0 ? std::string::npos : screen_.width - std::min(screen_.width, indent.size());
    std::string text, line;
    for (const auto& piece : pieces) {
      const auto shown = tools::printable(piece, room);
      if (!line.empty() && line.size() + 1 + shown.size() > room) {
        text += indent + dim(line) + "\n";
        line.clear();
      }
      line += (line.empty() ? "" : " ") + shown;
    }
    return text + indent + dim(line) + "\n";
  }

 private:
  std::string painted(const char* how, const std::string& text) const {
    return screen_.color && !text.empty() ? "\033[" + std::string(how) + "m" + text + "\033[0m" : text;
  }
  const Screen& screen_;
};

inline std::string left(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, text.size()), ' ');
}
inline std::string right(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

inline std::string times(const Sum& sum) {
  const auto first = for_people(sum.first);
  const auto last = for_people(sum.last);
  if (first == last) return first;
  return first + " to " + (first.substr(0, 10) == last.substr(0, 10) ? last.substr(11) : last);
}

}  // namespace report
