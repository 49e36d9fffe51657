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
  // The last counts, and the library takes the first.
  const auto before = ("\n" + options.variables).find("\n" + setting.variable + "=");
  if (before < options.variables.size())
    options.variables.erase(before, options.variables.find('\n', before) + 1 - before);
  options.variables += setting.variable + "=" + value + "\n";
  options.lone_log = false;
}

using Words = std::vector<std::string>;

// The option at this word, with its value, which may be the next word; then the word behind.
Words::const_iterator take(Options& options, Words::const_iterator at, Words::const_iterator end) {
  const auto& word = *at++;
  const auto equals = word.find('=');
  const auto name = word == "-h" ? "help" : word.starts_with("--") ? word.substr(2, equals - 2) : "";
  const auto* setting = std::ranges::find(kSettings, name, &Setting::name);
  const auto* option = std::ranges::find(kOptions, name, &Option::name);
  if (setting == std::end(kSettings) && option == std::end(kOptions))
    refuse("unknown option " + word + "; --help lists what there is");
  if (word == "--log") {
    take_setting(options, *setting, "stderr");
    options.lone_log = true;
    return at;
  }
  const bool wants_value = option == std::end(kOptions) || !option->value.empty();
  if (!wants_value && equals != word.npos) refuse("--" + name + " takes no value");
  if (wants_value && equals == word.npos && at == end)
    refuse("--" + name +
           " wants a value: " + (option == std::end(kOptions) ? values_of(*setting) : std::string(option->value)));
  const auto value = equals != word.npos ? word.substr(equals + 1) : wants_value ? *at++ : "";
  if (setting != std::end(kSettings))
    take_setting(options, *setting, value);
  else
    option->set(options, value);
  return at;
}

int pid_of(const std::string& word, bool is_behind_lone_log) {
  int pid = 0;
  if (is_number(word, pid) && pid > 0) return pid;
  refuse(word + " is no PID" +
         (is_behind_lone_log ? ", and --log alone is --log=stderr: do you mean --log=" + word + "?" : ""));
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
  Options options;
  auto at = arguments.begin();
  while (at != arguments.end() && at->starts_with('-') && *at != "--") at = take(options, at, arguments.end());
  if (options.help || options.version) return options;
  if (at != arguments.end() && *at == "--") ++at;
  const Words words(at, arguments.end());
  if (options.start) {
    if (options.detach || !options.variables.empty() || !options.library.empty())
      refuse("--start goes with no other option: nosigpipe --help lists those for a command");
    if (words.empty()) refuse("--start wants a COMMAND");
    options.command = words;
    return options;
  }
  if (words.empty()) refuse("give a PID, or several; --help lists what there is");
  for (const auto& word : words) options.pids.push_back(pid_of(word, options.lone_log && &word == words.data()));
  if (options.detach && !options.variables.empty()) refuse("--detach goes with no other option");
  return options;
}

std::string help() {
  std::string text =
      "usage: nosigpipe-attach [OPTION]... PID...\n"
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
      "\n\nExit status, of several PIDs the highest: 0 done, or was so; 1 nothing is done in it,\n"
      "the line says why; 2 what has become of it is not known, or stdout took no line;\n"
      "125 refused: nothing has been changed.\n";
  return text;
}

}  // namespace attach
