#include "doctor/command.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
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

// Where execvp(3) looks, and from which directory; empty is the one that we are in.
struct Place {
  std::string path;
  std::filesystem::path directory;
};

Place own_place() {
  const char* path = std::getenv("PATH");
  return {path != nullptr ? path : "/usr/local/bin:/bin:/usr/bin", {}};
}

// As execvp(3) finds it; empty where there is none.
std::string find_file(const std::string& name, const Place& place) {
  if (name.find('/') != name.npos) {
    const std::string file = place.directory / name;
    return is_executable(file) ? file : "";
  }
  std::string_view rest(place.path);
  for (bool more = true; more;) {
    more = rest.find(':') != rest.npos;
    const auto directory = take_until(rest, ':');
    const std::string file = place.directory / (std::string(directory.empty() ? "." : directory) + "/" + name);
    if (is_executable(file)) return file;
  }
  return "";
}

// As many bytes as the kernel itself looks at.
std::string beginning_of(const std::string& name) {
  const tools::Fd file = tools::open_to_read(name, O_NONBLOCK | O_NOCTTY);
  char start[256];
  const ssize_t length = file ? pread(file.get(), start, sizeof start, 0) : -1;
  return {start, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

// The words behind the #! of a script's first line, at most two; none where it has no such line.
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

bool is_in_path(const std::string& name) { return !find_file(name, own_place()).empty(); }

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
  auto place = own_place();
  for (int depth = 0; depth < 8; ++depth) {
    if (!command.file.empty()) command.through.push_back(command.file);
    command.file = find_file(argv[0], place);
    if (command.file.empty()) {
      command.reason = tools::printable(argv[0]) + " is no program that can be run";
      return command;
    }
    command.rights = rights_gained(command.file);
    command.elf = read_headers_of(command.file);
    const bool is_loader = command.elf && command.elf->soname.starts_with("ld");
    const auto started = is_loader ? started_by_loader(argv) : started_by(argv);
    if (!started.lost_in.empty()) {
      command.reach = Reach::unreachable;
      command.reason = started.lost_in + " clears LD_PRELOAD";
      command.remedy = started.remedy;
      return command;
    }
    if (!started.not_known.empty()) {
      command.reason = started.not_known;
      return command;
    }
    if (!started.argv.empty()) {
      argv = started.argv;
      if (started.path) place.path = *started.path;
      if (!started.directory.empty()) place.directory = std::filesystem::absolute(place.directory / started.directory);
      continue;
    }
    if (command.elf) {
      judge_program(command, library);
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

}  // namespace doctor
