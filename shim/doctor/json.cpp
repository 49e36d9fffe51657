#include "doctor/json.h"

#include <cstdint>

#include "doctor/rows.h"
#include "tools/json.h"

namespace doctor {
namespace {

using Object = tools::JsonObject;
using tools::json_array;

std::string shim_object(const MappedShim& shim) {
  Object object;
  object.text("path", shim.path).text("change", word_of(shim.change)).text_if("version", shim.version);
  const auto phase = phase_of(shim);
  object.text_if("phase", phase);
  if (shim.state && shim.state->attached != 0) object.number("attached", shim.state->attached);
  if (shim.state && phase != "loading" && phase != "taken back") {
    Object options;
    for (const auto& [name, value] : shim.state->options) options.text(name.c_str(), value);
    object.member("options", options.ended());
  }
  return object.ended();
}

std::string process_object(const Finding& finding, const Verdict& verdict) {
  const auto& process = finding.process;
  Object object;
  object.number("pid", static_cast<std::uint64_t>(process.pid)).text("name", process.name);
  object.text_if("exe", process.exe).text_if("command_line", process.command_line());
  object.text("verdict", word_of(verdict.outcome)).text("advice", verdict.advice);
  object.text("sigpipe", word_of(process.disposition));
  object.number("threads", process.threads).number("blocking", process.blocking);
  object.truth("first_of_namespace", process.is_first).truth("kernel_thread", process.is_kernel_thread);
  object.truth("ended", process.has_ended);
  if (finding.sockets) object.number("stream_sockets", *finding.sockets);
  if (process.tracer > 0) object.number("tracer", static_cast<std::uint64_t>(process.tracer));
  if (process.is_secure) object.truth("secure", *process.is_secure);
  if (finding.shim) object.member("shim", shim_object(*finding.shim));
  if (const auto& handler = finding.handler) {
    Object averted;
    for (const auto& [call, count] : handler->averted) averted.number(call.c_str(), std::uint64_t{count});
    object.member("static_handler", Object()
                                        .text("version", handler->version)
                                        .number("since", handler->since)
                                        .member("averted", averted.ended())
                                        .ended());
  }
  if (finding.unit)
    object.member("unit", Object()
                              .text("unit", finding.unit->name)
                              .text_if("ignore_sigpipe", finding.unit->ignore_sigpipe)
                              .text_if("restart", finding.unit->restart)
                              .ended());
  return object.ended();
}

}  // namespace

std::string as_json(const Finding& finding, const Verdict& verdict) { return process_object(finding, verdict) + "\n"; }

std::string as_json_of_none(int pid) {
  return Object()
             .number("pid", static_cast<std::uint64_t>(pid))
             .text("verdict", word_of(Outcome::unknown))
             .text("advice", "There is no such process.")
             .ended() +
         "\n";
}

std::string as_json(const Command& command) {
  Object object;
  object.text("command", command.name).text("verdict", word_of(command.reach)).text("advice", advice_of(command));
  object.text_if("file", command.file).text_if("reason", command.reason).text_if("remedy", command.remedy);
  object.member("through",
                json_array(command.through, [](const std::string& file) { return tools::json_quoted(file); }));
  object.text("rights", word_of(command.rights)).text_if("library", command.library).text_if("remark", command.remark);
  if (const auto& elf = command.elf) {
    object.number("bits", elf->is_64_bit ? 64 : 32).text("machine", machine_name(elf->machine));
    object.text("linkage", linkage_of(*elf)).text_if("libc", elf->libc()).text_if("interpreter", elf->interpreter);
    object.truth("go", elf->is_of_go()).truth("address_sanitizer", command.has_sanitizer());
  }
  return object.ended() + "\n";
}

std::string as_json(const Everybody& everybody) {
  return Object()
             .member("processes",
                     json_array(everybody.dying,
                                [](const Finding& finding) { return process_object(finding, judge(finding)); }))
             .number("looked_at", everybody.looked_at)
             .number("without_sockets", everybody.without_sockets)
             .number("not_known", everybody.not_known)
             .ended() +
         "\n";
}

}  // namespace doctor
