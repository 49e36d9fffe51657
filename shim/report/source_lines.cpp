#include "report/source_lines.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>

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
  if (site) frames.push_back({entry.module, entry.build_id, *site});
  for (const auto& text : entry.frames) {
    const auto plus = text.rfind('+');
    const auto at = text.find('@', plus);
    const auto address =
        plus == text.npos ? std::nullopt : parse_hex(std::string_view(text).substr(plus + 1, at - plus - 1));
    if (!address) continue;
    Frame frame{text.substr(0, plus), {}, *address};
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

}  // namespace

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
    const auto found = binaries_.find({id.first, id.second, lookup.since});
    lookup.note = found.note;
    lookup.same = found.file.has_value();
    if (lookup.same) ++number;
    const auto locations = found.file ? symbolizer_.locate(*found.file, addresses) : std::vector<Location>{};
    std::size_t at = 0;
    for (auto& [address, location] : lookup.locations)
      if (!location) location = at < locations.size() ? locations[at++] : Location{};
  }
}

// Shows the first frame whose line is known.
void SourceLines::show(Entry& entry, const std::vector<Frame>& frames) const {
  if (frames.empty()) return;
  const auto& site = lookups_.at({frames[0].module, frames[0].build_id});
  const auto location_of = [&](const Frame& frame) {
    // On another machine than the log's a library of the same name is another one.
    const auto& lookup = lookups_.at({frame.module, frame.build_id});
    return site.same && lookup.same ? lookup.locations.at(frame.address).value_or(Location{}) : Location{};
  };
  entry.note = site.note;
  entry.frames.clear();
  for (const auto& frame : frames) {
    auto location = location_of(frame);
    const bool is_site = entry.frames.empty();
    if (location.function.empty())
      location.function = is_site && !entry.function.empty() ? entry.function : name_of(frame);
    entry.frames.push_back(location.function);
    if (is_site) entry.function = location.function;
    if (location.source.empty() || !entry.source.empty()) continue;
    entry.source = location.source;
    entry.function = location.function;
    entry.note = lookups_.at({frame.module, frame.build_id}).note;
    if (frame.module != entry.module) entry.via = entry.module;
    entry.module = frame.module;
    entry.offset = hex(frame.address);
  }
}

void SourceLines::look_up(std::vector<Entry>& entries) {
  if (lookups_.size() > kMostKept) lookups_.clear();
  order_.clear();
  const std::size_t number = std::min(entries.size(), kMostLookedUp);
  std::vector<std::vector<Frame>> frames;
  for (std::size_t i = 0; i < number; ++i) {
    frames.push_back(frames_of(entries[i]));
    for (const auto& frame : frames[i]) {
      const BinaryId id{frame.module, frame.build_id};
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
