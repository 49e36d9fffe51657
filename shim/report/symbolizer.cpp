#include "report/symbolizer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <sstream>

#include "report/parse.h"
#include "tools/child.h"
#include "tools/display.h"
#include "tools/fd.h"

namespace report {
namespace {

constexpr auto kTimeLimit = std::chrono::seconds(5);
constexpr std::size_t kMostOutput{16UL * 1024 * 1024};
constexpr std::size_t kLongestName = 1024;

// The file is handed over open, so that nobody can put another in its place, and no path can look like an option.
std::vector<std::string> command(const std::string& name) {
  if (name == "llvm-symbolizer") return {name, "--obj=/proc/self/fd/3", "--output-style=GNU", "--print-address"};
  return {name, "--addresses", "--functions", "--demangle", "--exe=/proc/self/fd/3"};
}

// Takes ":12" off the end of the text.
bool take_number(std::string_view& text, std::string_view& digits) {
  const auto colon = text.rfind(':');
  if (colon == text.npos || colon + 1 == text.size()) return false;
  if (text.find_first_not_of("0123456789", colon + 1) != text.npos) return false;
  digits = text.substr(colon + 1);
  text.remove_suffix(text.size() - colon);
  return true;
}

// What a symbolizer writes: for each address the address itself, then the innermost function and its line, then maybe
// those into which it was inlined.
std::vector<Location> locations_in(const std::string& output, const std::vector<std::uint64_t>& addresses) {
  std::vector<Location> locations(addresses.size());
  std::istringstream lines(output);
  std::string line;
  std::getline(lines, line);
  for (std::size_t i = 0; i < addresses.size() && lines; ++i) {
    while (lines && parse_hex(line) != addresses[i]) std::getline(lines, line);
    std::string function;
    if (!std::getline(lines, function) || !std::getline(lines, line)) break;
    if (function != "??") locations[i].function = function.substr(0, kLongestName);
    locations[i].source = source_in(line);
  }
  return locations;
}

// Without those that are named by a symbol that is no function, and have no line that would say that they are right.
std::vector<Location> only_functions(const Elf& file, const std::vector<std::uint64_t>& addresses,
                                     std::vector<Location> locations) {
  const auto in_one = file.in_functions(addresses);
  for (std::size_t i = 0; i < locations.size(); ++i)
    if (!in_one[i] && locations[i].source.empty()) locations[i].function.clear();
  return locations;
}

}  // namespace

std::string source_in(std::string_view text) {
  if (const auto more = text.find(" (discriminator"); more != text.npos) text = text.substr(0, more);
  std::string_view line;
  if (!take_number(text, line)) return {};
  if (std::string_view before; take_number(text, before)) line = before;
  if (text.starts_with("??") || line == "0") return {};
  return std::string(text.substr(0, kLongestName)) + ":" + std::string(line.substr(0, 10));
}

Symbolizer::Symbolizer(const std::string& name) {
  if (name == "auto")
    names_.assign(std::begin(kSymbolizers), std::end(kSymbolizers));
  else if (name != "none")
    names_ = {name};
}

std::vector<Location> Symbolizer::locate(const Elf& file, const std::vector<std::uint64_t>& addresses) {
  // Its input is a file, so that writing it never waits, whatever the program does.
  const tools::Fd input(memfd_create("addresses", MFD_CLOEXEC));
  std::string list;
  for (const auto address : addresses) list += tools::hex(address) + "\n";
  if (pwrite(input.get(), list.data(), list.size(), 0) != static_cast<ssize_t>(list.size())) return {};

  while (!names_.empty()) {
    lseek(input.get(), 0, SEEK_SET);
    tools::Child child(command(names_.front()), input.get(), file.fd());
    if (child.started()) {
      const auto output = child.output(kTimeLimit, kMostOutput);
      if (!output.empty()) return only_functions(file, addresses, locations_in(output, addresses));
      trouble_ = names_.front() + " gave no answer";
      return {};
    }
    trouble_ = names_.front() + " cannot be started";
    names_.erase(names_.begin());
    if (names_.empty()) trouble_ = "no symbolizer: install llvm, elfutils or binutils to see source lines";
  }
  return {};
}

}  // namespace report
