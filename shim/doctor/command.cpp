#include "doctor/command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "doctor/library.h"
#include "doctor/proc_file.h"
#include "doctor/starters.h"
#include "tools/display.h"
#include "tools/fd.h"

namespace doctor {
namespace {

bool is_executable(const std::string& file) {
  struct stat status {};
  return stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(file.c_str(), X_OK) == 0;
}

// As execvp(3) finds it; empty where there is none.
std::string find_file(const std::string& name) {
  if (name.find('/') != name.npos) return is_executable(name) ? name : "";
  const char* path = std::getenv("PATH");
  const std::string directories = path != nullptr ? path : "/usr/local/bin:/bin:/usr/bin";
  std::string_view rest(directories);
  for (bool more = true; more;) {
    more = rest.find(':') != rest.npos;
    const std::string directory(take_until(rest, ':'));
    const auto file = (directory.empty() ? "." : directory) + "/" + name;
    if (is_executable(file)) return file;
  }
  return "";
}

// The words of a script's first line behind its #!, at most two; none where it has no such line.
std::vector<std::string> interpreter_of(const std::string& script) {
  const tools::Fd file = tools::open_to_read(script, O_NONBLOCK | O_NOCTTY);
  char start[256];  // the kernel's own limit
  const ssize_t length = file ? pread(file.get(), start, sizeof start, 0) : -1;
  std::string_view text(start, static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  if (!text.starts_with("#!")) return {};
  auto line = take_until(text, '\n').substr(2);
  std::vector<std::string> words;
  if (const auto word = take_word(line); !word.empty()) words.emplace_back(word);
  const auto first = line.find_first_not_of(" \t");
  if (!words.empty() && first != line.npos)
    words.emplace_back(line.substr(first, line.find_last_not_of(" \t\r") + 1 - first));
  return words;
}

void judge_program(Command& command, const std::string& library) {
  const auto& elf = *command.elf;
  const auto refuse = [&](const std::string& reason, const std::string& remedy) {
    command.reach = Reach::unreachable;
    command.reason = reason;
    command.remedy = remedy;
  };
  constexpr auto kIgnore = "let it ignore SIGPIPE: env --ignore-signal=PIPE COMMAND";
  constexpr auto kForAll = "name the library in /etc/ld.so.preload, or let it ignore SIGPIPE";
  command.library = library_for(elf, library);
  if (const auto runtime = runtime_of(command.file, elf); !runtime.empty()) {
    command.reach = Reach::unneeded;
    command.reason = runtime;
  } else if (elf.is_static()) {
    refuse(elf.has_dynamic ? "it is linked statically (static-pie): no loader reads LD_PRELOAD"
                           : "it is linked statically: no loader reads LD_PRELOAD",
           kIgnore);
  } else if (command.rights != Rights::same && is_preloaded_for_all()) {
    command.reach = Reach::reached;
  } else if (command.rights == Rights::set_uid) {
    refuse("it is set-user-ID: the loader takes no path from LD_PRELOAD", kForAll);
  } else if (command.rights == Rights::set_gid) {
    refuse("it is set-group-ID: the loader takes no path from LD_PRELOAD", kForAll);
  } else if (command.rights == Rights::capabilities) {
    refuse("it has file capabilities: the loader takes no path from LD_PRELOAD", kForAll);
  } else if (command.library.empty()) {
    const auto what = (elf.is_64_bit ? "64-bit " : "32-bit ") + machine_name(elf.machine);
    refuse("it is of " + what + ", and there is no library of that kind beside " + library,
           "build one for that machine (make i386), and install it beside ours");
  } else {
    command.reach = Reach::reached;
  }
}

}  // namespace

std::string runtime_of(const std::string& file, const std::optional<ElfHeaders>& elf) {
  const auto name = tools::base_name(file);
  if (elf && elf->is_of_go()) return "Go's runtime sees to SIGPIPE on sockets";
  if (name == "node" || name == "nodejs") return "Node ignores SIGPIPE by itself";
  if (name == "java") return "Java's runtime has a handler of its own for SIGPIPE";
  return "";
}

Command judge_command(std::vector<std::string> argv, const std::string& library) {
  Command command;
  command.name = argv[0];
  for (int depth = 0; depth < 8; ++depth) {
    if (!command.file.empty()) command.through.push_back(command.file);
    command.file = find_file(argv[0]);
    if (command.file.empty()) {
      command.reason = tools::printable(argv[0]) + " is no program that can be run";
      return command;
    }
    command.rights = rights_gained(command.file);
    command.elf = read_headers_of(command.file);
    const auto started = started_by(argv);
    if (!started.lost_in.empty()) {
      command.reach = Reach::unreachable;
      command.reason = started.lost_in + " clears LD_PRELOAD";
      command.remedy = started.remedy;
      return command;
    }
    if (command.elf && started.argv.empty()) {
      // The loader, as a program, runs the one that it is given.
      const auto program =
          std::find_if(argv.begin() + 1, argv.end(), [](const auto& word) { return !word.starts_with('-'); });
      if (!command.elf->soname.starts_with("ld") || program == argv.end()) {
        judge_program(command, library);
        return command;
      }
      argv.erase(argv.begin(), program);
    } else if (!started.argv.empty()) {
      argv = started.argv;
    } else if (access(command.file.c_str(), R_OK) != 0) {
      command.reason = std::string("it cannot be read: ") + std::strerror(errno);
      return command;
    } else {
      auto interpreter = interpreter_of(command.file);
      if (interpreter.empty()) interpreter = {"/bin/sh"};  // as execvp and shells have it
      interpreter.push_back(command.file);
      argv = interpreter;
    }
  }
  command.reason = "too many scripts run one another";
  return command;
}

}  // namespace doctor
