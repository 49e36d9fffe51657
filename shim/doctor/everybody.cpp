#include "doctor/everybody.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "doctor/proc_file.h"
#include "doctor/stream_sockets.h"
#include "tools/display.h"

namespace doctor {

namespace {

// Of one that has ended meanwhile nothing is known either.
bool is_alive(int pid) {
  const auto process = read_process(pid);
  return process && !process->has_ended;
}

}  // namespace

Everybody look_at_all() {
  Everybody everybody;
  StreamSockets sockets;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto pid = static_cast<int>(number_of(entry.path().filename().string()));
    const auto process = pid > 0 && pid != getpid() ? read_process(pid) : std::nullopt;
    if (!process || process->has_ended || process->is_kernel_thread) continue;
    ++everybody.looked_at;
    // The shim can make only of these something else than they look like.
    if (process->disposition == Disposition::ignored || process->is_first) continue;
    Finding finding{*process, {}, find_shim(process->thread), {}};
    const auto outcome = outcome_of(*process, finding.shim);
    if (outcome == Outcome::unknown && finding.shim && is_alive(pid)) ++everybody.not_known;
    if (outcome != Outcome::dies) continue;
    finding.sockets = sockets.held_by(process->thread);
    if (!finding.sockets && is_alive(pid)) ++everybody.not_known;
    if (finding.sockets == std::size_t{0}) ++everybody.without_sockets;
    if (finding.sockets.value_or(0) == 0) continue;
    read_program(finding.process);
    everybody.dying.push_back(std::move(finding));
  }
  std::ranges::stable_sort(everybody.dying, std::ranges::greater{}, [](const auto& one) { return *one.sockets; });
  return everybody;
}

std::string as_table(const Everybody& everybody) {
  constexpr std::size_t kWidth = 80;
  const auto right = [](const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, text.size()), ' ') + text;
  };
  std::string text = "    PID SOCKETS THREADS COMMAND\n";
  for (const auto& [process, sockets, shim, unit, handler] : everybody.dying) {
    std::string line = right(std::to_string(process.pid), 7) + right(std::to_string(*sockets), 8) +
                       right(std::to_string(process.threads), 8) + " ";
    const auto command = process.command_line();
    line += tools::printable(command.empty() ? "[" + process.name + "]" : command);
    text += line.substr(0, kWidth) + "\n";
  }
  using tools::plural;
  if (everybody.dying.empty()) text.clear();
  text += plural(everybody.dying.size(), "process", "processes") + " of " + tools::grouped(everybody.looked_at) +
          " would die of SIGPIPE on a socket.\n";
  if (everybody.without_sockets > 0)
    text += plural(everybody.without_sockets, "other", "others") + " would, too, but hold no stream socket now.\n";
  if (everybody.not_known > 0)
    text += "Of " + tools::grouped(everybody.not_known) + " it is not known; as root more is.\n";
  return text;
}

}  // namespace doctor
