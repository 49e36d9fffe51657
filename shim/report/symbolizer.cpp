#include "report/symbolizer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <charconv>
#include <sstream>

namespace report {
namespace {

constexpr auto kPatience = std::chrono::seconds(5);
constexpr std::size_t kMostOutput = 16 * 1024 * 1024;
constexpr std::size_t kLongestName = 1024;

// The file is handed over open, so that nobody can put another in its place, and no path can look like an option.
std::vector<std::string> command(const std::string& name) {
  if (name == "llvm-symbolizer") return {name, "--obj=/proc/self/fd/3", "--output-style=GNU", "--print-address"};
  return {name, "--addresses", "--functions", "--demangle", "--exe=/proc/self/fd/3"};
}

std::string hex(std::uint64_t number) {
  char digits[24];
  return "0x" + std::string(digits, std::to_chars(digits, std::end(digits), number, 16).ptr);
}

bool is_address(const std::string& line, std::uint64_t address) {
  std::uint64_t number = 0;
  const char* end = line.data() + line.size();
  return line.starts_with("0x") && std::from_chars(line.data() + 2, end, number, 16).ptr == end && number == address;
}

bool take_number(std::string_view& text, std::string_view& digits) {
  const auto colon = text.rfind(':');
  if (colon == text.npos || colon + 1 == text.size()) return false;
  if (text.find_first_not_of("0123456789", colon + 1) != text.npos) return false;
  digits = text.substr(colon + 1);
  text.remove_suffix(text.size() - colon);
  return true;
}

// "file:12", "file:12:5", "file:12 (discriminator 3)"; "??:0", "??:?" and "file:?" say that it is not known.
std::string source_in(std::string_view text) {
  if (const auto more = text.find(" (discriminator"); more != text.npos) text = text.substr(0, more);
  std::string_view line;
  if (!take_number(text, line)) return {};
  if (std::string_view before; take_number(text, before)) line = before;
  if (text.starts_with("??") || line == "0") return {};
  return std::string(text.substr(0, kLongestName)) + ":" + std::string(line.substr(0, 10));
}

// For each address the address itself, then the innermost function and its line, then maybe more.
std::vector<Place> places_in(const std::string& output, const std::vector<std::uint64_t>& addresses) {
  std::vector<Place> places(addresses.size());
  std::istringstream lines(output);
  std::string line;
  std::getline(lines, line);
  for (std::size_t i = 0; i < addresses.size() && lines; ++i) {
    while (lines && !is_address(line, addresses[i])) std::getline(lines, line);
    std::string function;
    if (!std::getline(lines, function) || !std::getline(lines, line)) break;
    if (function != "??") places[i].function = function.substr(0, kLongestName);
    places[i].source = source_in(line);
  }
  return places;
}

}  // namespace

Symbolizer::Symbolizer(const std::string& name) {
  if (name == "auto")
    names_ = {"llvm-symbolizer", "eu-addr2line", "addr2line"};
  else if (name != "none")
    names_ = {name};
}

std::vector<Place> Symbolizer::places(const Elf& file, const std::vector<std::uint64_t>& addresses) {
  // A file for its input: nobody waits for anybody, whatever it does.
  const Fd input(memfd_create("addresses", MFD_CLOEXEC));
  std::string list;
  for (const auto address : addresses) list += hex(address) + "\n";
  if (pwrite(input.get(), list.data(), list.size(), 0) != static_cast<ssize_t>(list.size())) return {};

  while (!names_.empty()) {
    lseek(input.get(), 0, SEEK_SET);
    Child child(command(names_.front()), input.get(), file.fd());
    if (child.started()) {
      const auto output = child.output(kPatience, kMostOutput);
      if (!output.empty()) return places_in(output, addresses);
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
