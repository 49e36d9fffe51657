#include "doctor/command.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string_view>

#include "doctor/library.h"
#include "doctor/machine_remark.h"
#include "doctor/place.h"
#include "doctor/program.h"
#include "doctor/script.h"
#include "doctor/starters.h"
#include "tools/display.h"

namespace doctor {
namespace {

// No loader, which runs what it is given without another exec, and nobody who forks.
bool execs_at_once(const std::string& file) {
  constexpr std::string_view kNames[] = {"env", "nice", "nohup", "ionice", "taskset", "chrt", "prlimit", "stdbuf"};
  return std::ranges::find(kNames, tools::base_name(file)) != std::end(kNames);
}

// As far as it goes; who clears LD_PRELOAD on the way is kept, unless it is set again behind.
Command follow(std::vector<std::string> argv, const std::string& library, std::optional<Started>& lost) {
  Command command;
  command.name = command.target = argv[0];
  for (const auto& word : argv) command.line += (command.line.empty() ? "" : " ") + tools::shell_quoted(word);
  Given given{{}, own_place()};
  auto& place = given.place;
  for (int depth = 0; depth < 8; ++depth) {
    if (!command.file.empty()) command.through.push_back(command.file);
    command.file = place.find(argv[0]);
    if (command.file.empty()) {
      command.reason = tools::printable(argv[0]) + " is no program that can be run";
      return command;
    }
    command.rights = rights_gained(command.file);
    command.elf = read_headers_of(command.file);
    const bool is_loader = command.elf && command.elf->soname.starts_with("ld");
    const auto started = is_loader ? started_by_loader(argv) : started_by(argv);
    if (!started.lost_in.empty())
      lost = started;
    else if (started.preload)
      lost.reset();
    if (lost && !place.root.empty()) lost->is_inside = true;
    if (!started.not_known.empty()) {
      command.reason = started.not_known;
      return command;
    }
    const bool executes = started.executes || !started.argv.empty();
    if (executes && !is_loader && !started.preload && in_force("NOSIGPIPE_CHILDREN") == "strip") {
      const auto name = tools::base_name(command.file);
      command.target = started.argv.empty() ? "what " + name + " starts" : started.argv[0];
      refuse(command, name + " executes it, and with --children=strip that is not kept safe",
             "start nosigpipe behind " + name + ", or leave out --children=strip");
      return command;
    }
    // One with more rights than ours has lost it before it hands it on.
    if (!started.argv.empty() && (command.rights == Rights::same || started.preload || lost)) {
      given.is_itself = given.is_itself && execs_at_once(command.file);
      argv = started.argv;
      command.target = argv[0];
      if (started.preload) given.preload = started.preload;
      if (started.path) place.path = *started.path;
      if (!started.root.empty()) place.directory = place.root = std::filesystem::absolute(place.file(started.root));
      if (!started.directory.empty()) place.directory = std::filesystem::absolute(place.file(started.directory));
      continue;
    }
    if (command.elf) {
      judge_program(command, library, given);
      return command;
    }
    if (access(command.file.c_str(), R_OK) != 0) {
      command.reason = std::string("it cannot be read: ") + std::strerror(errno);
      return command;
    }
    const auto beginning = beginning_of(command.file);
    if (beginning.starts_with(ELFMAG)) {
      command.reason = "its ELF headers are not understood";
      return command;
    }
    argv = interpreter_in(beginning);
    if (argv.empty()) argv = {"/bin/sh"};  // as execvp and shells have it
    argv.push_back(command.file);
  }
  command.reason = "too many scripts run one another";
  return command;
}

// Who has lost LD_PRELOAD gets the library by /etc/ld.so.preload, where that is ours.
bool is_reached_without(const Command& command, const Started& lost) {
  return !lost.is_inside && command.elf && !command.elf->is_static() && is_preloaded_for_all(*command.elf);
}

void judge_loss(Command& command, const Started& lost) {
  if (lost.argv.empty()) command.target = "what " + lost.lost_in + " starts";
  if (is_reached_without(command, lost)) {
    if (command.reach == Reach::unreachable) command.reach = Reach::reached, command.reason = command.remedy = "";
    command.remark = "by /etc/ld.so.preload; NOSIGPIPE_ variables that " + lost.lost_in + " takes out do not get there";
  } else if (lost.preload && !lost.preload->empty()) {
    refuse(command, "no library of ours is at " + *lost.preload + ", which " + lost.lost_in + " gives it as LD_PRELOAD",
           "name the one for it" + (command.library.empty() ? "" : ": LD_PRELOAD=" + command.library));
  } else {
    refuse(command, lost.lost_in + " clears LD_PRELOAD", lost.remedy);
  }
}

// Then nothing has to be reached.
void turn_off(Command& command) {
  const auto setting = setting_of_mode("off");
  command.remark = "but " + setting + " turns nosigpipe off";
  if (command.reach != Reach::unreachable && command.reach != Reach::at_start) return;
  command.is_turned_off = true;
  command.reach = Reach::unneeded;
  command.reason = setting + " turns it off";
  command.remedy = "";
}

}  // namespace

bool is_in_path(const std::string& name) { return !own_place().find(name).empty(); }

Command judge_command(const std::vector<std::string>& argv, const std::string& library) {
  std::optional<Started> lost;
  auto command = follow(argv, library, lost);
  const bool is_judged = lost && !lost->argv.empty();
  if (lost && !(is_judged && command.reach == Reach::unneeded)) judge_loss(command, *lost);
  if (in_force("NOSIGPIPE_MODE") == "off") turn_off(command);
  return command;
}

}  // namespace doctor
