#include "report/source_lines.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include "report/parse.h"
#include "tools/display.h"

namespace report {
namespace {

constexpr std::size_t kMostLookedUp = 1000;  // entries
constexpr std::size_t kMostKept = 10'000;    // binaries
constexpr std::size_t kMostBinaries = 64;    // a process each
constexpr auto kTimeLimit = std::chrono::seconds(20);

// The innermost first. The build ID of a module stands where it is first named.
std::vector<Frame> frames_of(const Entry& entry) {
  std::vector<Frame> frames;
  std::map<std::string, std::string> builds{{entry.place.module, entry.build_id}};
  const auto site = parse_hex(entry.place.offset);
  const auto process_at = [&](const std::string& module) {
    return module.empty() ? std::optional(entry.process) : std::nullopt;
  };
  if (site) frames.push_back({entry.place.module, entry.build_id, process_at(entry.place.module), *site});
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

// Whom the row is named by, of the chain: the first whose line is known, up to the first of the program itself, or else
// that one.
std::size_t place_in(const std::vector<Place>& chain, std::size_t of_program) {
  const auto end = std::min(of_program + 1, chain.size());
  for (std::size_t i = 0; i < end; ++i)
    if (!chain[i].source.empty()) return i;
  return of_program == chain.size() ? 0 : of_program;
}

// Not of the interpreter's own library, as far as its path says it.
bool is_programs(std::string_view source) {
  return !source.empty() && !source.starts_with("node:") && !source.starts_with('<') &&
         source.find("/lib/python3") == source.npos;
}

// The first function of an interpreter's, if it can be one that does not belong to the interpreter; the end where none
// is named.
std::size_t compiled_in(const std::vector<Place>& chain, const std::vector<Frame>& frames) {
  auto found = chain.size();
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (!frames[i].process || chain[i].function.empty()) continue;
    if (is_programs(chain[i].source)) return i;
    found = std::min(found, i);
  }
  return found;
}

// What makes the interpreter tell its functions; empty for what is none that is known.
std::string advice_for(const Entry& entry, const std::string& module) {
  constexpr std::pair<std::string_view, const char*> kInterpreters[] = {
      {"python", "start python3 with -X perf (3.12 and later)"},
      {"node", "start node with --perf-basic-prof --interpreted-frames-native-stack"},
      {"java", "start java with -XX:+PreserveFramePointer -XX:+DumpPerfMapAtExit (17 and later)"}};
  const auto file = tools::base_name(entry.exe.empty() ? module : entry.exe);
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

void SourceLines::show(Entry& entry, const std::vector<Frame>& frames) {
  if (frames.empty()) return;
  const auto lookup_of = [&](const Frame& frame) -> const Lookup& { return lookups_.at(id_of(frame)); };
  const auto& site = lookup_of(frames[0]);
  auto& chain = entry.chain;
  for (const auto& frame : frames) {
    // On another machine than the log's a library of the same name is another one.
    const auto& lookup = lookup_of(frame);
    const bool is_same = lookup.same && (frame.process || site.same);
    const auto location = is_same ? lookup.locations.at(frame.address).value_or(Location{}) : Location{};
    chain.push_back({frame.module, tools::hex(frame.address), location.function, location.source});
  }
  if (chain[0].function.empty()) chain[0].function = entry.place.function;
  const auto of_program = static_cast<std::size_t>(std::ranges::find(chain, entry.exe, &Place::module) - chain.begin());
  const auto compiled = compiled_in(chain, frames);
  const bool is_compiled = compiled < chain.size();
  const auto at = is_compiled ? compiled : place_in(chain, of_program);
  if (chain[at].module != chain[0].module && !(is_compiled && of_program == 0)) entry.via = chain[0].module;
  if (at < of_program && of_program < chain.size()) entry.for_whom = name_of(chain[of_program]);
  entry.place = chain[at];
  entry.note = lookup_of(frames[at]).note;
  if (entry.note.empty() && entry.place.source.empty()) entry.note = site.note;
  if (entry.note == kNoLines && without_lines_.empty()) without_lines_ = entry.place.module;
  if (is_compiled) entry.place.offset.clear();  // it is another in each process
  if (std::ranges::any_of(frames, [](const Frame& frame) { return frame.process.has_value(); })) {
    const auto& [module, offset, function, source] = entry.place;
    entry.site = entry.exe + '\n' + entry.call + '\n' + module + '\n' + offset + '\n' + function + '\n' + source;
  }
  if (!is_compiled && advice_.empty()) advice_ = advice_for(entry, chain[0].module);
}

std::string SourceLines::trouble() const {
  if (!symbolizer_.trouble().empty() || without_lines_.empty()) return symbolizer_.trouble();
  const auto name = tools::printable(without_lines_);
  return name + " has none: build it with -g, or install its -dbgsym or debuginfo package; or debuginfod-find " +
         "debuginfo " + name + ", and then --search=$HOME/.cache/debuginfod_client";
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
  for (auto& entry : entries) places.push_back(std::move(entry.where));
  look_up(places);
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].where = std::move(places[i]);
}

}  // namespace report
