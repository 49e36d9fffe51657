#include "attach/options.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <stdexcept>
#include <string_view>

namespace attach {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

// What each option of options.def does.
namespace set {

void detach(Options& options, const std::string&) { options.detach = true; }
void start(Options& options, const std::string&) { options.start = true; }
void library(Options& options, const std::string& file) { options.library = file; }
void help(Options& options, const std::string&) { options.help = true; }
void version(Options& options, const std::string&) { options.version = true; }

}  // namespace set

struct Option {
  std::string name;
  std::string_view value, help;
  void (*set)(Options& options, const std::string& value);
};

// Of the launcher's: the valid values with a | before each, or the lowest and the highest number.
struct Setting {
  std::string name, variable;
  std::string_view values;
  unsigned lowest, highest;
};

std::string dashed(std::string name) {
  std::ranges::replace(name, '_', '-');
  return name;
}

const Option kOptions[] = {
#define OPTION(name, value, help) {dashed(#name), value, help, set::name},
#include "attach/options.def"
};

const Setting kSettings[] = {
#define VALUE(enumerator, word, help) "|" word
#define CHOICE(NAME, name, Type, what, values) {dashed(#name), "NOSIGPIPE_" #NAME, values, 0, 0},
#define NUMBER(NAME, name, fallback, lowest, highest, help) {dashed(#name), "NOSIGPIPE_" #NAME, "", lowest, highest},
#include "../options.def"
};

template <class Number>
bool is_number(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  return result.ec == std::errc{} && result.ptr == end && !text.empty();
}

// A PATH in the word stands for one from the root: the target has a directory of its own.
bool fits(std::string_view word, std::string_view value) {
  const auto path = word.find("PATH");
  if (path == word.npos) return word == value;
  return value.starts_with(word.substr(0, path)) && value.substr(path).starts_with('/');
}

bool is_valid(const Setting& setting, const std::string& value) {
  unsigned number = 0;
  if (setting.values.empty()) return is_number(value, number) && number >= setting.lowest && number <= setting.highest;
  for (auto rest = setting.values; !rest.empty();) {
    rest.remove_prefix(1);
    const auto word = rest.substr(0, rest.find('|'));
    if (fits(word, value)) return true;
    rest.remove_prefix(word.size());
  }
  return false;
}

std::string values_of(const Setting& setting) {
  if (setting.values.empty()) return std::to_string(setting.lowest) + ".." + std::to_string(setting.highest);
  return std::string(setting.values.substr(1));
}

void take_setting(Options& options, const Setting& setting, const std::string& value) {
  if (value.find('\n') != value.npos || !is_valid(setting, value))
    refuse("--" + setting.name + "=" + value + ": valid are " + values_of(setting) +
           (setting.values.find("PATH") != setting.values.npos ? ", where a PATH begins with /" : ""));
  options.variables += setting.variable + "=" + value + "\n";
}

void take(Options& options, const std::string& word) {
  const auto equals = word.find('=');
  const auto name = word == "-h" ? "help" : word.starts_with("--") ? word.substr(2, equals - 2) : "";
  const auto value = equals == word.npos ? "" : word.substr(equals + 1);
  if (const auto* setting = std::ranges::find(kSettings, name, &Setting::name); setting != std::end(kSettings)) {
    if (equals == word.npos) refuse("--" + name + " wants a value: " + values_of(*setting));
    return take_setting(options, *setting, value);
  }
  const auto* option = std::ranges::find(kOptions, name, &Option::name);
  if (option == std::end(kOptions)) refuse("unknown option " + word + "; --help lists what there is");
  if (option->value.empty() != (equals == word.npos))
    refuse(
        "--" + name +
        (option->value.empty() ? " takes no value" : " wants a value: --" + name + "=" + std::string(option->value)));
  option->set(options, value);
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
  Options options;
  auto at = arguments.begin();
  for (; at != arguments.end() && at->starts_with('-') && *at != "--"; ++at) take(options, *at);
  if (options.help || options.version) return options;
  if (options.start) {
    options.command.assign(at + (at != arguments.end() && *at == "--" ? 1 : 0), arguments.end());
    if (options.command.empty()) refuse("--start wants a COMMAND");
    return options;
  }
  if (arguments.end() - at != 1) refuse("give one PID; --help lists what there is");
  if (!is_number(*at, options.pid) || options.pid <= 0) refuse(*at + " is no PID");
  if (options.detach && !options.variables.empty()) refuse("--detach goes with no other option");
  return options;
}

std::string help() {
  std::string text =
      "usage: nosigpipe-attach [OPTION]... PID\n"
      "       nosigpipe-attach --start [--] COMMAND [ARG]...\n"
      "Keeps a process that is running from dying of SIGPIPE on sockets, as nosigpipe\n"
      "does with one that it starts.\n\n";
  for (const auto& option : kOptions) {
    const auto form = option.value.empty() ? option.name : option.name + "=" + std::string(option.value);
    text += (option.name == "help" ? "  -h, --" : "  --") + form + "\n      " + std::string(option.help) + "\n";
  }
  text += "and as nosigpipe --help explains them, a PATH as the process sees it:\n ";
  for (const auto& setting : kSettings) text += " --" + setting.name + "=" + (setting.name == "runaway" ? "\n " : "");
  text +=
      "\n\nExit status: 0 done; 1 the library is in it, and says why it does nothing; 2 what\n"
      "has become of it is not known; 125 refused: nothing has been changed.\n";
  return text;
}

}  // namespace attach
