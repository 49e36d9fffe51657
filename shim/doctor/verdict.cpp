#include "doctor/verdict.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "doctor/at_start.h"
#include "doctor/command.h"
#include "doctor/library.h"
#include "doctor/machine_remark.h"
#include "doctor/proc_file.h"
#include "doctor/program.h"
#include "doctor/stream_sockets.h"
#include "program/policy.h"
#include "tools/display.h"

namespace doctor {
namespace {

// What the shim says of itself.
bool protects(const ShimState& state) { return state.is_armed() && state.option("mode") == "protect"; }

// The path of our library in the LD_PRELOAD that a process was started with; empty where there is none.
std::string named_at_start(const Process& process) {
  const auto environment = read_proc(process.directory() + "environ").value_or("");
  for (std::string_view rest(environment); !rest.empty();) {
    auto variable = take_until(rest, '\0');
    if (take_until(variable, '=') != "LD_PRELOAD") continue;
    std::string list(variable);
    std::ranges::replace(list, ':', ' ');
    for (std::string_view entries(list); !entries.empty();)
      if (const auto entry = take_word(entries);
          tools::base_name(std::string(entry)).find("nosigpipe") != std::string::npos)
        return std::string(entry);
  }
  return "";
}

// Who starts it again: its arguments, unless it has written a title over them. Then the first is no program.
std::string how_to_restart(const Process& process) {
  const std::string prefix = "Restart it so: nosigpipe --log=PATH";
  const auto& arguments = process.arguments;
  const bool is_path = !arguments.empty() && arguments[0].find('/') != std::string::npos;
  const auto file = process.directory() + (is_path && arguments[0].starts_with('/') ? "root" : "cwd/") +
                    (is_path ? arguments[0] : "");
  if (is_path ? access(file.c_str(), X_OK) == 0 : !arguments.empty() && is_in_path(arguments[0])) {
    std::string words;
    for (const auto& argument : arguments) words += " " + tools::shell_quoted(argument);
    return prefix + words;
  }
  return prefix + " " + tools::shell_quoted(process.exe.empty() ? process.name : process.exe) + ", with its arguments.";
}

// Whether its root directory is another one, without our library in it: a container, and not who has changed it later.
bool is_elsewhere(const Process& process) {
  const auto mounts = link_of(process.directory() + "ns/mnt");
  return !mounts.empty() && mounts != link_of("/proc/self/ns/mnt") &&
         access((process.directory() + "root" + own_library()).c_str(), R_OK) != 0;
}

bool has_socket_at(const Process& process, int fd) {
  return link_of(process.directory() + "fd/" + std::to_string(fd)).starts_with("socket:");
}

// Empty where that cannot be done. It ends with a blank: a command that is to be copied follows.
std::string without_a_restart(const Process& process, const std::optional<ElfHeaders>& elf) {
  if (!elf || !elf->is_for_attach() || process.tracer > 0 || attach_program().empty()) return "";
  return "Without a restart: nosigpipe-attach " + std::to_string(process.pid) + ". ";
}

std::string how_to_arm(const Finding& finding) {
  const auto& process = finding.process;
  const auto elf = read_headers_of(process.directory() + "exe");
  if (process.is_secure.value_or(false))
    return "It was started with more rights than its caller had, so that LD_PRELOAD does not reach it: name the "
           "library "
           "in /etc/ld.so.preload, or let it ignore SIGPIPE.";
  if (elf && elf->is_static())
    return "It is linked statically, so that LD_PRELOAD does not reach it: nosigpipe-attach " +
           std::to_string(process.pid) + " arms it as it runs, or let it ignore SIGPIPE.";
  if (const auto path = named_at_start(process); !path.empty())
    return "LD_PRELOAD names " + path + ", which has not got in: " +
           (path.find('$') == path.npos && access((process.directory() + "root" + path).c_str(), R_OK) != 0
                ? "there is no such file where it runs."
                : "it is of another class than the program, or has been put there since.");
  if (is_elsewhere(process))
    return without_a_restart(process, elf) + "It runs in a container, or among other mounts, where there is no " +
           own_library() + ": have it there, and start it with LD_PRELOAD=" + own_library() + ".";
  if (!finding.unit) return without_a_restart(process, elf) + how_to_restart(process);
  const auto& unit = *finding.unit;
  std::string advice = without_a_restart(process, elf) + "To arm it: " + unit.systemctl() + " edit " + unit.name +
                       ", with [Service] Environment=LD_PRELOAD=" + own_library() + " NOSIGPIPE_LOG=journal, and " +
                       unit.systemctl() + " restart " + unit.name + ".";
  if (unit.ignore_sigpipe == "yes") advice += " IgnoreSIGPIPE=yes is of no use here: the program sets SIGPIPE back.";
  if (unit.restart != "always" && unit.restart != "on-success" && !unit.restart.empty())
    advice += " Restart=" + unit.restart + " takes a death by SIGPIPE for a clean end.";
  return advice;
}

// Of one that has a mode in which nothing is averted.
std::string how_to_leave(const std::string& mode) {
  return machine_says("NOSIGPIPE_MODE") == mode ? "take " + setting_of_mode(mode) + " out, and restart it."
                                                : "restart it without " + setting_of_mode(mode) + ".";
}

std::string advice_for_safe(const Finding& finding) {
  const auto& process = finding.process;
  if (process.is_kernel_thread) return "You do not need nosigpipe here: it is a thread of the kernel's.";
  if (finding.shim && finding.shim->state && protects(*finding.shim->state)) {
    std::string advice = "nosigpipe keeps it safe.";
    if (finding.shim->change != Change::none)
      advice += " Its file has been changed since: restart it to have what is there now.";
    if ((policy::facts_in(finding.shim->state->policy) & policy::has_handler) != 0)
      advice += " A handler of the program's own is called as ever.";
    if (finding.shim->state->option("guard") == "hooks")
      advice += " With guard=hooks what no hook sees (stdio, system calls of its own) still kills.";
    return advice;
  }
  if (process.disposition == Disposition::ignored)
    return "You do not need nosigpipe here: SIGPIPE is ignored, which what it executes inherits.";
  if (process.is_first)
    return "You do not need nosigpipe here: the first process of a PID namespace is not killed by it; what it starts "
           "is.";
  return "Every thread blocks SIGPIPE, so that none is delivered; what it executes inherits that.";
}

}  // namespace

Finding find_out(const Process& process) {
  Finding finding{process, {}, {}, {}};
  read_program(finding.process);
  finding.sockets = StreamSockets().held_by(process.thread);
  finding.shim = find_shim(process.thread);
  // Where it does not stand any more SIGPIPE is not caught.
  if (!finding.shim && process.disposition == Disposition::caught)
    finding.handler = find_static_handler(process.thread);
  finding.unit = unit_of(process.pid);
  return finding;
}

Outcome outcome_of(const Process& process, const std::optional<MappedShim>& shim) {
  if (process.has_ended) return Outcome::unknown;
  if (process.is_kernel_thread || process.is_first || process.disposition == Disposition::ignored) return Outcome::safe;
  if (shim && shim->state) {
    const auto& state = *shim->state;
    if (protects(state)) return Outcome::safe;
    const bool has_handler = (policy::facts_in(state.policy) & policy::has_handler) != 0;
    // Its handler is ours, and lets a SIGPIPE have its effect.
    if (state.option("mode") == "observe" && !has_handler) return Outcome::dies;
  }
  if (process.disposition == Disposition::caught) return Outcome::unknown;  // by whom, and what for
  return process.blocking == process.threads ? Outcome::safe : Outcome::dies;
}

Verdict judge(const Finding& finding) {
  const auto& process = finding.process;
  const auto outcome = outcome_of(process, finding.shim);
  if (process.has_ended) return {outcome, "It has ended, and its parent has not asked how."};
  if (outcome == Outcome::unknown) {
    if (finding.shim && !finding.shim->state)
      return {outcome,
              "nosigpipe is in it, but its state cannot be read: ask as root, unless it is of an older version."};
    if (finding.handler)
      return {Outcome::safe,
              "The handler of static programs keeps it safe, unless the program has set one of its own since; what it "
              "executes is not."};
    if (process.exe.empty())
      return {outcome, "Whose handler is called may not be known, nosigpipe's or one of its own: ask as root."};
    const auto elf = read_headers_of(process.directory() + "exe");
    const auto runtime = runtime_of(process.exe, elf);
    if (elf && elf->is_of_go() && (has_socket_at(process, 1) || has_socket_at(process, 2)))
      return {outcome, runtime + ", of which one is a socket here: that may end it, with nosigpipe, too."};
    if (!runtime.empty()) return {Outcome::safe, "You do not need nosigpipe here: " + runtime + "."};
    return {outcome,
            "A handler of the program's own is called, with nosigpipe, too; whether it ends the program cannot be "
            "seen from outside."};
  }
  if (outcome == Outcome::safe) return {outcome, advice_for_safe(finding)};
  if (finding.shim && phase_of(*finding.shim) != "taken back") {
    const auto mode = finding.shim->state ? finding.shim->state->option("mode") : "";
    if (mode == "observe" || mode == "off")
      return {outcome, "nosigpipe is in it, but with mode=" + mode + ": " + how_to_leave(mode)};
    return {outcome, "nosigpipe is in it, but its handler does not stand: the program has set SIGPIPE back unseen."};
  }
  const auto off = machine_says("NOSIGPIPE_MODE") == "off" ? "First take " + setting_of_mode("off") + " out. " : "";
  return {outcome, "A write to a socket whose peer is gone kills it. " + off + how_to_arm(finding)};
}

std::string phase_of(const MappedShim& shim) {
  if (!shim.state) return "";
  if (shim.state->is_taken_back) return "taken back";
  const auto facts = policy::facts_in(shim.state->policy);
  if ((facts & policy::in_seccomp) != 0) return "in a filter";
  const bool has_decided = (shim.state->policy & policy::undecided) == 0;
  if ((facts & policy::armed) == 0) return has_decided ? "disarmed" : "loading";
  if (!has_decided) return "armed";
  return (facts & policy::is_traced) != 0 ? "traced" : "in force";
}

}  // namespace doctor
