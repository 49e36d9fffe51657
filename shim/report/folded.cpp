// Stacks for flamegraph.pl and speedscope: the program, its functions from the outside to the inside, the call, and the
// count. A semicolon separates them, and the last space ends them.
#include <algorithm>
#include <map>

#include "report/display.h"
#include "report/results.h"

namespace report {
namespace {

std::string frame(std::string_view name) {
  std::string text = printable(name);
  std::replace(text.begin(), text.end(), ';', ':');
  return text;
}

std::string base(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::string as_folded(const Findings& findings) {
  std::map<std::string, std::uint64_t> stacks;
  const auto number = findings.shown(0);
  for (std::size_t i = 0; i < number; ++i) {
    const auto& entry = findings.entries[i];
    std::string stack = frame(base(entry.exe.empty() ? "unknown" : entry.exe));
    for (auto name = entry.frames.rbegin(); name != entry.frames.rend(); ++name) stack += ";" + frame(*name);
    if (entry.frames.empty()) stack += ";" + frame(entry.function.empty() ? address_of(entry) : entry.function);
    grow(stacks[stack + ";" + frame(entry.call.empty() ? "unknown" : entry.call)], entry.count);
  }
  Sum rest = findings.tally.others();
  for (std::size_t i = number; i < findings.entries.size(); ++i) rest.add(findings.entries[i]);
  if (rest.count > 0) grow(stacks["others"], rest.count);
  std::string text;
  for (const auto& [stack, count] : stacks) text += stack + " " + std::to_string(count) + "\n";
  return text;
}

}  // namespace report
