#include "report/source_lines.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include "report/display.h"
#include "report/parse.h"

namespace report {
namespace {

constexpr std::size_t kMostLookedUp = 1000;  // entries
constexpr std::size_t kMostKept = 10'000;    // binaries
constexpr std::size_t kMostBinaries = 64;    // a process each
constexpr auto kTimeLimit = std::chrono::seconds(20);

// The innermost first. The build ID of a module stands where it is first named.
std::vector<Frame> frames_of(const Entry& entry) {
  std::vector<Frame> frames;
  std::map<std::string, std::string> builds{{entry.module, entry.build_id}};
  const auto site = parse_hex(entry.offset);
  const auto process_at = [&](const std::string& module) {
    return module.empty() ? std::optional(entry.process) : std::nullopt;
  };
  if (site) frames.push_back({entry.module, entry.build_id, process_at(entry.module), *site});
  for (const auto& text : entry.frames) {
    const auto plus = text.rfind('+');
    const auto at = text.find('@', plus);
    const auto address =
        plus == text.npos ? std::nullopt : parse_hex(std::string_view(text).substr(plus + 1, at - plus - 1));
    if (!address) continue;
    Frame frame{text.substr(0, plus), {}, process_at(text.substr(0, plus)), *address};
    if (at != text.npos) builds[frame.module] = text.substr(at + 1);
    frame.build_id = builds[frame.module];
    if (frames.size() != 1 || !site || frame != frames[0]) frames.push_back(frame);
  }
  return frames;
}

std::string name_of(const Frame& frame) {
  Entry entry;
  entry.module = frame.module;
  entry.offset = hex(frame.address);
  return address_of(entry);
}

// Not of the interpreter's own library, as far as its path says it.
bool is_programs(const Location& location) {
  const std::string_view source = location.source;
  return !source.empty() && !source.starts_with("node:") && !source.starts_with('<') &&
         source.find("/lib/python3") == source.npos;
}

// What makes the interpreter tell its functions; empty for what is none that is known.
std::string advice_for(const Entry& entry, const std::string& module) {
  constexpr std::pair<std::string_view, const char*> kInterpreters[] = {
      {"python", "start python3 with -X perf (3.12 and later)"},
      {"node", "start node with --perf-basic-prof --interpreted-frames-native-stack"},
      {"java", "start java with -XX:+PreserveFramePointer -XX:+DumpPerfMapAtExit (17 and later)"}};
  const auto file = base_name(entry.exe.empty() ? module : entry.exe);
  for (const auto& [name, advice] : kInterpreters)
    if (file.starts_with(name)) return std::string("to see the program's own functions, ") + advice;
  return {};
}

}  // namespace

std::vector<Location> SourceLines::locate(const BinaryId& id, Lookup& lookup,
                                          const std::vector<std::uint64_t>& addresses) {
  const auto& [module, build_id, process] = id;
  if (process) {
    auto names = perf_maps_.names(*process, addresses);
    lookup.same = !names.empty();
    std::vector<Location> locations;
    for (const auto address : addresses) locations.push_back(names[address]);
    return locations;
  }
  const auto found = binaries_.find({module, build_id, lookup.since});
  lookup.note = found.note;
  lookup.same = found.file.has_value();
  return found.file ? symbolizer_.locate(*found.file, addresses) : std::vector<Location>{};
}

void SourceLines::ask() {
  std::size_t number = 0;
  const auto end = std::chrono::steady_clock::now() + kTimeLimit;
  for (const auto& id : order_) {
    auto& lookup = lookups_[id];
    std::vector<std::uint64_t> addresses;
    // One less than the address a call returns to is inside of the call.
    for (const auto& [address, location] : lookup.locations)
      if (!location) addresses.push_back(address - 1);
    if (addresses.empty()) continue;
    if (number == kMostBinaries || std::chrono::steady_clock::now() > end) {
      lookup.note = "not looked up, there are too many";
      continue;
    }
    const auto locations = locate(id, lookup, addresses);
    if (lookup.same) ++number;
    std::size_t at = 0;
    for (auto& [address, location] : lookup.locations)
      if (!location) location = at < locations.size() ? locations[at++] : Location{};
  }
}

// Shows the first frame whose line is known; where there are frames of an interpreter's the first of these, if it can
// be one that does not belong to the interpreter.
void SourceLines::show(Entry& entry, const std::vector<Frame>& frames) {
  if (frames.empty()) return;
  const auto& site = lookups_.at(id_of(frames[0]));
  const auto location_of = [&](const Frame& frame) {
    // On another machine than the log's a library of the same name is another one.
    const auto& lookup = lookups_.at(id_of(frame));
    const bool is_same = lookup.same && (frame.process || site.same);
    return is_same ? lookup.locations.at(frame.address).value_or(Location{}) : Location{};
  };
  entry.note = site.note;
  entry.frames.clear();
  int shown = 0;
  bool is_compiled = false;
  const auto module = entry.module;
  for (const auto& frame : frames) {
    auto location = location_of(frame);
    const bool is_named = frame.process && !location.function.empty();
    const bool is_site = entry.frames.empty();
    if (location.function.empty())
      location.function = is_site && !entry.function.empty() ? entry.function : name_of(frame);
    entry.frames.push_back(location.function);
    if (is_site) entry.function = location.function;
    is_compiled = is_compiled || is_named;
    const int worth = is_named ? 2 + is_programs(location) : location.source.empty() ? 0 : 1;
    if (worth <= shown) continue;
    shown = worth;
    entry.source = location.source;
    entry.function = location.function;
    entry.note = lookups_.at(id_of(frame)).note;
    entry.via = frame.module == module || (frame.process && module == entry.exe) ? "" : module;
    entry.module = frame.module;
    entry.offset = frame.process ? "" : hex(frame.address);  // it is another in each process
  }
  if (!is_compiled && advice_.empty()) advice_ = advice_for(entry, module);
}

void SourceLines::look_up(std::vector<Entry>& entries) {
  if (lookups_.size() > kMostKept) lookups_.clear();
  order_.clear();
  const std::size_t number = std::min(entries.size(), kMostLookedUp);
  std::vector<std::vector<Frame>> frames;
  for (std::size_t i = 0; i < number; ++i) {
    frames.push_back(frames_of(entries[i]));
    for (const auto& frame : frames[i]) {
      const auto id = id_of(frame);
      auto& lookup = lookups_[id];
      lookup.since = std::min(lookup.since, entries[i].first);
      if (lookup.locations.try_emplace(frame.address).second) order_.push_back(id);
    }
  }
  if (wanted_) ask();
  for (std::size_t i = 0; i < number; ++i) show(entries[i], frames[i]);
}

void SourceLines::look_up(std::vector<PassedEntry>& entries) {
  std::vector<Entry> places;
  for (auto& entry : entries) places.push_back(std::move(entry.place));
  look_up(places);
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].place = std::move(places[i]);
}

}  // namespace report
