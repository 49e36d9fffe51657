// Stacks for flamegraph.pl and speedscope: the program, its functions from the outside to the inside, the call, and the
// count. A semicolon separates them, and the last space ends them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "report/results.h"
#include "tools/display.h"

namespace report {
namespace {

std::string frame(std::string_view name) {
  std::string text = tools::printable(name);
  std::ranges::replace(text, ';', ':');
  return text;
}

}  // namespace

std::string as_folded(const Results& results) {
  std::map<std::string, std::uint64_t> stacks;
  const auto number = results.shown(0);
  for (std::size_t i = 0; i < number; ++i) {
    const auto& entry = results.entries[i];
    std::string stack = frame(tools::base_name(entry.exe.empty() ? "unknown" : entry.exe));
    for (auto place = entry.chain.rbegin(); place != entry.chain.rend(); ++place) stack += ";" + frame(name_of(*place));
    if (entry.chain.empty()) stack += ";" + frame(name_of(entry.place));
    add_saturated(stacks[stack + ";" + frame(entry.call.empty() ? "unknown" : entry.call)], entry.count);
  }
  if (const auto others = results.others(number); others.count > 0) add_saturated(stacks["others"], others.count);
  std::string text;
  for (const auto& [stack, count] : stacks) text += stack + " " + std::to_string(count) + "\n";
  return text;
}

}  // namespace report
