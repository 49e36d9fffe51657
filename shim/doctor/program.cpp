#include "doctor/program.h"

#include <elf.h>
#include <unistd.h>

#include "doctor/at_start.h"
#include "doctor/library.h"
#include "tools/display.h"

namespace doctor {
namespace {

std::string kind_of(const ElfHeaders& elf) {
  return (elf.is_64_bit ? "64-bit " : "32-bit ") + machine_name(elf.machine);
}

constexpr auto kIgnore = "let it ignore SIGPIPE: env --ignore-signal=PIPE COMMAND";
constexpr auto kForAll = "name the library in /etc/ld.so.preload, or let it ignore SIGPIPE";

}  // namespace

void refuse(Command& command, const std::string& reason, const std::string& remedy) {
  command.reach = Reach::unreachable;
  command.reason = reason;
  command.remedy = remedy;
}

void judge_program(Command& command, const std::string& library, const Given& given) {
  const auto& elf = *command.elf;
  const auto& root = given.place.root;
  command.library = library_for(elf, library);
  if (const auto runtime = runtime_of(command.file, elf); !runtime.empty()) {
    command.reach = Reach::unneeded;
    command.reason = runtime;
  } else if (elf.is_static()) {
    const std::string reason = elf.has_dynamic ? "it is linked statically (static-pie): no loader reads LD_PRELOAD"
                                               : "it is linked statically: no loader reads LD_PRELOAD";
    const auto why_not = given.is_itself ? why_not_at_start(elf, command.rights) : "another program starts it";
    if (!why_not.empty()) return refuse(command, reason + ", and " + why_not, kIgnore);
    command.reach = Reach::at_start;
    command.library = library;
  } else if (command.rights != Rights::same && root.empty() && is_preloaded_for_all(elf)) {
    command.reach = Reach::reached;
    command.remark = "by /etc/ld.so.preload; NOSIGPIPE_ variables do not count in it";
  } else if (command.rights == Rights::set_uid) {
    refuse(command, "it is set-user-ID: the loader takes no path from LD_PRELOAD", kForAll);
  } else if (command.rights == Rights::set_gid) {
    refuse(command, "it is set-group-ID: the loader takes no path from LD_PRELOAD", kForAll);
  } else if (command.rights == Rights::capabilities) {
    refuse(command, "it has file capabilities: the loader takes no path from LD_PRELOAD", kForAll);
  } else if (!elf.interpreter.empty() && access(given.place.file(elf.interpreter).c_str(), F_OK) != 0) {
    command.reason = "its loader is not there: " + elf.interpreter;
  } else if (given.preload && !names_ours(*given.preload, &elf)) {
    refuse(command, "it is of " + kind_of(elf) + ", and so is no library of ours in the LD_PRELOAD that it is given",
           "name the one for it" + (command.library.empty() ? "" : ": LD_PRELOAD=" + command.library));
  } else if (!given.preload && command.library.empty()) {
    refuse(command, "it is of " + kind_of(elf) + ", and there is no library of that kind beside " + library,
           std::string("build one for that machine") + (elf.machine == EM_386 ? " (make i386)" : "") +
               ", and install it beside ours");
  } else if (!given.preload && !root.empty() && is_missing_in(root, command.library)) {
    refuse(command, "there is no " + command.library + " in the root " + root.string(),
           "copy it there, to the same path");
  } else {
    command.reach = Reach::reached;
  }
}

std::string runtime_of(const std::string& file, const std::optional<ElfHeaders>& elf) {
  const auto name = tools::base_name(file);
  if (elf && elf->is_of_go()) return "Go's runtime sees to SIGPIPE, but for what is written to descriptors 1 and 2";
  if (name == "node" || name == "nodejs") return "Node ignores SIGPIPE by itself";
  if (name == "java") return "Java's runtime has a handler of its own for SIGPIPE";
  return "";
}

}  // namespace doctor
