#include "doctor/options.h"

#include <algorithm>
#include <string_view>

#include "tools/options.h"

namespace doctor {
namespace {

using tools::refuse;

// What each option of options.def does.
namespace set {

void all(Options& options, const std::string&) { options.all = true; }
void json(Options& options, const std::string&) { options.json = true; }
void for_launcher(Options& options, const std::string& library) { options.for_launcher = library; }
void help(Options& options, const std::string&) { options.help = true; }
void version(Options& options, const std::string&) { options.version = true; }

}  // namespace set

using Set = void(Options& options, const std::string& value);

const tools::Option<Set> kOptions[] = {
#define OPTION(name, value, help) {#name, value, help, set::name},
#include "doctor/options.def"
};

bool is_number(const std::string& word) { return !word.empty() && word.find_first_not_of("0123456789") == word.npos; }

// A number is a process, unless -- has said that a command follows. None where one of the words is no number.
std::vector<int> pids_of(const std::vector<std::string>& words) {
  std::vector<int> pids;
  if (!std::ranges::all_of(words, is_number)) return pids;
  for (const auto& word : words) {
    const auto pid = tools::pid_in(word);
    if (!pid) refuse(word + " is no PID");
    pids.push_back(*pid);
  }
  return pids;
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
  Options options;
  auto at = arguments.begin();
  for (; at != arguments.end() && at->starts_with('-') && *at != "--"; ++at) {
    std::string value;
    const auto& option = tools::take_option(kOptions, at, arguments.end(), value);
    option.set(options, value);
  }
  const bool is_command = at != arguments.end() && *at == "--";
  options.command.assign(at + (is_command ? 1 : 0), arguments.end());
  if (options.help || options.version) return options;
  if (!is_command) options.pids = pids_of(options.command);
  if (options.all && !options.command.empty()) refuse("--all asks of all processes: give no PID and no COMMAND");
  if (!options.all && options.command.empty()) refuse("give a PID, a COMMAND or --all; --help lists what there is");
  if (options.command.size() > 0 && options.command[0].empty()) refuse("the COMMAND is empty");
  return options;
}

std::string help() {
  return "usage: nosigpipe-doctor [OPTION]... PID...\n"
         "       nosigpipe-doctor [OPTION]... [--] COMMAND [ARG]...\n"
         "       nosigpipe-doctor [OPTION]... --all\n"
         "Tells whether SIGPIPE on a socket would kill a process, and whether nosigpipe\n"
         "can reach a command, which is not run.\n\n" +
         tools::help_of(kOptions) +
         "\nExit status: 0 safe, or a command that is reached or need not be; 1 would die;\n"
         "2 the command cannot be reached; 3 it could not be told; 125 the command line is\n"
         "wrong. Of several processes 1 if any would die, then 3 if one could not be told.\n";
}

}  // namespace doctor
