#include "report/location.h"

#include <algorithm>
#include <string_view>

#include "tools/display.h"

namespace report {
namespace {

constexpr std::size_t kShortest = 12;  // of a function's name
constexpr std::size_t kFrames = 3;

struct Part {
  std::string before, text;
  std::size_t least;  // that is left of the text
};

// In the order in which they are shortened.
struct Parts {
  Part source, function, for_whom, through;
};

// "serve" of "serve(Request const&) const": what it takes says least of a function of C++, and stands at the end.
std::string_view without_parameters(std::string_view function) {
  const auto end = function.ends_with(" const") ? function.size() - 6 : function.size();
  int depth = 0;
  for (auto at = end; at > 1 && (depth > 0 || at == end); --at) {
    if (function[at - 1] == ')') ++depth;
    if (function[at - 1] == '(') --depth;
    if (depth == 0)
      return at == end || function.substr(0, at - 1).ends_with("operator") ? function : function.substr(0, at - 1);
  }
  return function;
}

Parts parts_of(const Entry& entry) {
  const auto& place = entry.place;
  const auto source = tools::printable(place.source.empty() ? address_of(place) : place.source);
  Parts parts;
  parts.function = {"", tools::printable(place.function), kShortest};
  parts.source = {place.function.empty() ? "" : "  ", source, tools::base_name(source).size() + 3};
  if (!entry.via.empty())
    parts.through = {" through ", tools::printable(tools::base_name(entry.via)), std::string::npos};
  if (!entry.for_whom.empty()) parts.for_whom = {" < ", tools::printable(entry.for_whom), kShortest};
  return parts;
}

std::size_t columns(const Parts& parts, bool at_least) {
  std::size_t sum = 0;
  for (const auto* part : {&parts.source, &parts.function, &parts.for_whom, &parts.through})
    sum += part->before.size() + (at_least ? std::min(part->text.size(), part->least) : part->text.size());
  return sum;
}

// The chain, but of a library without lines one function only: the first that has a name.
std::vector<Place> told(const Entry& entry) {
  const auto is_in_library = [&](const Place& place) {
    return place.source.empty() && !place.module.empty() && place.module != entry.exe &&
           place.module != entry.place.module;
  };
  std::vector<Place> told;
  for (const auto& place : entry.chain) {
    if (told.empty() || !is_in_library(place) || !is_in_library(told.back()) || told.back().module != place.module)
      told.push_back(place);
    else if (told.back().function.empty() && !place.function.empty())
      told.back() = place;
  }
  return told;
}

}  // namespace

std::string location(const Entry& entry, std::size_t room) {
  auto parts = parts_of(entry);
  if (columns(parts, false) > room) parts.function.text = without_parameters(parts.function.text);
  for (auto* part : {&parts.source, &parts.function, &parts.for_whom}) {
    const auto all = columns(parts, false);
    if (all <= room) break;
    const auto too_long = std::min(all - room, part->text.size());
    part->text = tools::printable(part->text, std::max(part->least, part->text.size() - too_long));
  }
  std::string text;
  for (const auto* part : {&parts.function, &parts.source, &parts.through, &parts.for_whom})
    text += part->before + part->text;
  return text;
}

std::size_t narrowest_location(const Entry& entry) { return columns(parts_of(entry), true); }

std::vector<std::string> chain(const Entry& entry) {
  std::vector<std::string> frames;
  if (entry.chain.size() < 2) return frames;
  for (const auto& place : told(entry)) {
    const std::string before = frames.empty() ? "" : "< ";
    if (frames.size() == kFrames) {
      frames.push_back("< ...");
      break;
    }
    const std::string where = place.source.empty() ? address_of(place) : tools::base_name(place.source);
    const std::string function = tools::printable(without_parameters(place.function));
    frames.push_back(before + function + (function.empty() ? "" : " ") + tools::printable(where));
  }
  return frames;
}

}  // namespace report
