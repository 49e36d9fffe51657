#include "attach/options.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "system/option_value.h"
#include "tools/options.h"

namespace attach {
namespace {

using tools::refuse;

// What each option of options.def does.
namespace set {

void detach(Options& options, const std::string&) { options.detach = true; }
void start(Options& options, const std::string&) { options.start = true; }
void library(Options& options, const std::string& file) { options.library = file; }
void help(Options& options, const std::string&) { options.help = true; }
void version(Options& options, const std::string&) { options.version = true; }

}  // namespace set

using Set = void(Options& options, const std::string& value);

const tools::Option<Set> kOptions[] = {
#define OPTION(name, value, help) {#name, value, help, set::name},
#include "attach/options.def"
};

// One of the launcher's: NOSIGPIPE_RUNAWAY_AFTER is --runaway-after.
using Setting = options::Option;

std::string name_of(const Setting& setting) {
  std::string name(std::string_view(setting.name).substr(std::string_view("NOSIGPIPE_").size()));
  for (auto& c : name) c = c == '_' ? '-' : static_cast<char>(c - 'A' + 'a');
  return name;
}

// A PATH stands for one from the root: the target has a directory of its own.
bool is_absolute(std::string_view word, std::string_view value) {
  const auto path = word.find("PATH");
  return path == word.npos || value.substr(path).starts_with('/');
}

bool is_valid(const Setting& setting, const std::string& value) {
  for (auto rest = setting.values; !rest.empty();) {
    const auto word = rest.substr(0, rest.find('|'));
    if (options::is_a(word, value) && is_absolute(word, value)) return true;
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  }
  return false;
}

void take_setting(Options& options, const Setting& setting, const std::string& value) {
  if (value.find('\n') != value.npos || !is_valid(setting, value))
    refuse("--" + name_of(setting) + "=" + value + ": valid are " + std::string(setting.values) +
           (setting.values.find("PATH") != setting.values.npos ? ", where a PATH begins with /" : ""));
  // The last counts, and the library takes the first.
  const std::string variable(setting.name);
  const auto before = ("\n" + options.variables).find("\n" + variable + "=");
  if (before < options.variables.size())
    options.variables.erase(before, options.variables.find('\n', before) + 1 - before);
  options.variables += variable + "=" + value + "\n";
  options.lone_log = false;
}

using Words = std::vector<std::string>;

// The setting at this word, with its value, which may be the next word, and the word behind; this one where it is none.
Words::const_iterator take_if_setting(Options& options, Words::const_iterator at, Words::const_iterator end) {
  const auto equals = at->find('=');
  const auto name = at->starts_with("--") ? at->substr(2, equals - 2) : "";
  const auto* setting = std::ranges::find(options::kAll, name, name_of);
  if (setting == std::end(options::kAll)) return at;
  const bool has_value = equals != at->npos;
  if (*at == "--log") {
    take_setting(options, *setting, "stderr");
    options.lone_log = true;
    return std::next(at);
  }
  if (!has_value && std::next(at) == end) refuse("--" + name + " wants a value: " + std::string(setting->values));
  const auto value = has_value ? at++->substr(equals + 1) : *std::next(at);
  take_setting(options, *setting, value);
  return has_value ? at : at + 2;
}

Words::const_iterator take(Options& options, Words::const_iterator at, Words::const_iterator end) {
  if (const auto behind = take_if_setting(options, at, end); behind != at) return behind;
  std::string value;
  const auto& option = tools::take_option(kOptions, at, end, value);
  option.set(options, value);
  return std::next(at);
}

int pid_of(const std::string& word, bool is_behind_lone_log) {
  if (const auto pid = tools::pid_in(word)) return *pid;
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
  text += tools::help_of(kOptions) + "and as nosigpipe --help explains them, a PATH as the process sees it:\n ";
  for (const auto& setting : options::kAll)
    text += " --" + name_of(setting) + "=" + (name_of(setting) == "runaway" ? "\n " : "");
  text +=
      "\n\nExit status, of several PIDs the highest: 0 done, or was so; 1 nothing is done\n"
      "in it, the line says why; 2 what has become of it is not known, or stdout took\n"
      "no line; 125 refused: nothing has been changed.\n";
  return text;
}

}  // namespace attach
