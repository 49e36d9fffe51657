// The options of a command line and their help, as a list of OPTION(name, value, help) has them.
#pragma once

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tools/display.h"

namespace tools {

// The text is a line for the user.
[[noreturn]] inline void refuse(const std::string& why) { throw std::invalid_argument(why); }

// The number of a process.
inline std::optional<int> pid_in(const std::string& word) {
  int pid = 0;
  const char* end = word.data() + word.size();
  const auto result = std::from_chars(word.data(), end, pid);
  if (result.ec != std::errc{} || result.ptr != end || pid <= 0) return {};
  return pid;
}

template <class Set>
struct Option {
  std::string name;  // as it is in C++, before it is shown()
  std::string_view value, help;
  Set* set;

  std::string shown() const {
    std::string dashed = name;
    std::ranges::replace(dashed, '_', '-');
    return dashed;
  }
};

// The option at this word, with its value, which may be the next word: then that is passed, too.
template <class Options, class Word>
const auto& take_option(const Options& options, Word& at, const Word& end, std::string& value) {
  const auto equals = at->find('=');
  const auto word = at->substr(0, equals);
  const auto name = word == "-h" ? "help" : word.starts_with("--") ? word.substr(2) : "";
  const auto option = std::ranges::find_if(options, [&](const auto& one) { return one.shown() == name; });
  if (option == std::end(options)) refuse("unknown option " + word + "; --help lists what there is");
  if (option->value.empty() && equals != at->npos) refuse("--" + name + " takes no value");
  if (equals != at->npos)
    value = at->substr(equals + 1);
  else if (!option->value.empty() && std::next(at) != end)
    value = *++at;
  if (!option->value.empty() && value.empty())
    refuse("--" + name + " wants a value: --" + name + "=" + std::string(option->value));
  return *option;
}

template <class Options>
std::string help_of(const Options& options) {
  std::string text;
  for (const auto& option : options)
    text += (option.name == "help" ? "  -h, --" : "  --") + option.shown() + (option.value.empty() ? "" : "=") +
            std::string(option.value) + "\n      " + wrapped(std::string(option.help), "      ");
  return text;
}

}  // namespace tools
