#include "doctor/rows.h"

#include <algorithm>
#include <ctime>
#include <string_view>

#include "doctor/at_start.h"
#include "tools/display.h"

namespace doctor {
namespace {

using tools::plural;
using tools::printable;
using tools::wrapped;

std::string row(const std::string& name, const std::string& text) {
  const std::string indent(16, ' ');
  return "  " + name + indent.substr(2 + name.size()) + wrapped(printable(text), indent);
}

std::string utc(std::uint64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  char text[32] = "";
  std::tm date{};
  if (gmtime_r(&time, &date) != nullptr) std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &date);
  return text;
}

std::string sigpipe_row(const Process& process) {
  std::string text = word_of(process.disposition);
  if (process.blocking == 0) return text;
  if (process.blocking == process.threads) return text + ", blocked";
  return text + ", blocked in " + std::to_string(process.blocking) + " of " +
         plural(process.threads, "thread", "threads");
}

std::string shim_row(const MappedShim& shim) {
  std::string text = shim.path + ", " + (shim.version.empty() ? "version not known" : "version " + shim.version);
  if (shim.change != Change::none) text += std::string(", ") + word_of(shim.change) + " since";
  return text;
}

std::string handler_row(const StaticHandler& handler) {
  std::string averted;
  for (const auto& [call, count] : handler.averted)
    averted += (averted.empty() ? "" : ", ") + call + " " + std::to_string(count);
  return "the handler of static programs, version " + handler.version + ", since " + utc(handler.since) +
         "; averted: " + (averted.empty() ? "none" : averted);
}

std::string options_row(const ShimState& state) {
  std::string text;
  for (const auto& [name, value] : state.options) text += (text.empty() ? "" : " ") + name + "=" + value;
  return text;
}

std::string unit_row(const Unit& unit) {
  std::string text = unit.name + (unit.is_of_user ? " of a user's" : "");
  if (!unit.ignore_sigpipe.empty()) text += ", IgnoreSIGPIPE=" + unit.ignore_sigpipe;
  if (!unit.restart.empty()) text += ", Restart=" + unit.restart;
  return text;
}

std::string program_row(const ElfHeaders& elf) {
  std::string text = (elf.is_64_bit ? "64-bit " : "32-bit ") + machine_name(elf.machine);
  if (elf.is_foreign) return text;
  text += std::string(", ") + linkage_of(elf);
  if (!elf.libc().empty()) text += ", " + elf.libc();
  if (!elf.interpreter.empty()) text += " (" + elf.interpreter + ")";
  if (elf.is_of_go()) text += ", made by Go";
  return text;
}

std::string assignment(const std::string& name, const std::string& value) {
  return name + "=" + tools::shell_quoted(value) + "\n";
}

std::string sentence_of(const Command& command) {
  switch (command.reach) {
    case Reach::reached:
      return "It can be reached" + (command.remark.empty() ? "" : " (" + command.remark + ")") +
             (command.has_sanitizer() ? "; AddressSanitizer is let come second:" : ":");
    case Reach::at_start:
      return "It is linked statically, so that no loader reads LD_PRELOAD, but can be armed at its start, without a "
             "log and until it sets SIGPIPE itself:";
    case Reach::unneeded:
      if (command.is_turned_off) return "Nothing is done, and nothing has to be reached: " + command.reason + ".";
      return "You do not need nosigpipe here: " + command.reason + ".";
    case Reach::unreachable:
      return "It cannot be reached: " + command.reason + ". Instead: " + command.remedy + ".";
    default:
      return "It could not be told: " + command.reason + ".";
  }
}

// What the sentence ends with, if it ends with a command: to be copied.
std::string start_of(const Command& command) {
  if (command.reach != Reach::reached && command.reach != Reach::at_start) return "";
  return (command.line.starts_with('-') ? "nosigpipe -- " : "nosigpipe ") + command.line;
}

}  // namespace

std::string as_assignments(const Command& command) {
  std::string text;
  // The launcher runs it as it is.
  if (command.is_turned_off)
    return assignment("our_reason", printable(command.reason)) + assignment("our_fallback", "run");
  if (command.reach == Reach::unreachable)
    text += assignment("our_reason", printable(command.target + " cannot be reached: " + command.reason)) +
            assignment("our_remedy", printable(command.remedy));
  if (command.reach == Reach::at_start) text += assignment("our_attach", attach_program());
  if (!command.library.empty()) text += assignment("our_library", command.library);
  if (command.has_sanitizer()) text += assignment("our_has_asan", "yes");
  return text;
}

const char* word_of(Disposition disposition) {
  return disposition == Disposition::ignored ? "ignored" : disposition == Disposition::caught ? "caught" : "default";
}

const char* word_of(Outcome outcome) {
  return outcome == Outcome::safe ? "safe" : outcome == Outcome::dies ? "dies" : "unknown";
}

const char* word_of(Reach reach) {
  switch (reach) {
    case Reach::reached:
      return "reached";
    case Reach::at_start:
      return "at-start";
    case Reach::unneeded:
      return "unneeded";
    case Reach::unreachable:
      return "unreachable";
    default:
      return "unknown";
  }
}

const char* word_of(Change change) {
  return change == Change::none ? "unchanged" : change == Change::replaced ? "replaced" : "removed";
}

const char* word_of(Rights rights) {
  switch (rights) {
    case Rights::set_uid:
      return "set-uid";
    case Rights::set_gid:
      return "set-gid";
    case Rights::capabilities:
      return "capabilities";
    default:
      return "same";
  }
}

const char* linkage_of(const ElfHeaders& elf) {
  return !elf.is_static() ? "dynamic" : elf.has_dynamic ? "static-pie" : "static";
}

std::string advice_of(const Command& command) {
  const auto start = start_of(command);
  return sentence_of(command) + (start.empty() ? "" : " ") + start;
}

std::string as_rows(const Finding& finding, const Verdict& verdict) {
  const auto& process = finding.process;
  std::string text =
      std::to_string(process.pid) + " " + printable(process.name) + ": " + word_of(verdict.outcome) + "\n";
  if (!process.exe.empty()) text += row("program", process.exe);
  text += row("SIGPIPE", sigpipe_row(process));
  if (process.is_first) text += row("", "the first process of its PID namespace");
  text += row("threads", std::to_string(process.threads));
  text += row("sockets", finding.sockets ? plural(*finding.sockets, "stream socket", "stream sockets") : "not known");
  if (process.tracer > 0) text += row("traced by", std::to_string(process.tracer));
  if (finding.shim) {
    text += row("nosigpipe", shim_row(*finding.shim));
    const auto phase = phase_of(*finding.shim);
    const auto& state = finding.shim->state;
    const auto since = state && state->attached != 0 ? ", attached since " + utc(state->attached) : "";
    text += row("", phase.empty() ? "state not known" : phase + since);
    if (state && phase != "loading" && phase != "taken back") text += row("", options_row(*finding.shim->state));
  }
  if (finding.handler) text += row("nosigpipe", handler_row(*finding.handler));
  if (finding.unit) text += row("unit", unit_row(*finding.unit));
  return text + wrapped(printable(verdict.advice));
}

std::string as_rows(const Command& command) {
  std::string text = printable(command.name) + ": " + word_of(command.reach) + "\n";
  for (const auto& file : command.through) text += row("through", file);
  if (!command.file.empty()) text += row("program", command.file);
  if (command.elf) text += row("", program_row(*command.elf));
  if (command.rights != Rights::same) text += row("rights", word_of(command.rights));
  if (!command.library.empty()) text += row("library", command.library);
  text += wrapped(printable(sentence_of(command)));
  const auto start = start_of(command);
  return start.empty() ? text : text + printable(start) + "\n";
}

}  // namespace doctor
