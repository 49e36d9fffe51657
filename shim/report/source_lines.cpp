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
  std::map<std::string, std::string> builds{{entry.place.module, entry.build_id}};
  const auto site = parse_hex(entry.place.offset);
  if (site) frames.push_back({entry.place.module, entry.build_id, *site});
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

// Whom the row is named by, of the chain: the first whose line is known, up to the first of the program itself, or else
// that one.
std::size_t place_in(const std::vector<Place>& chain, std::size_t of_program) {
  const auto end = std::min(of_program + 1, chain.size());
  for (std::size_t i = 0; i < end; ++i)
    if (!chain[i].source.empty()) return i;
  return of_program == chain.size() ? 0 : of_program;
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

void SourceLines::show(Entry& entry, const std::vector<Frame>& frames) const {
  if (frames.empty()) return;
  const auto lookup_of = [&](const Frame& frame) -> const Lookup& {
    return lookups_.at({frame.module, frame.build_id});
  };
  const auto& site = lookup_of(frames[0]);
  for (const auto& frame : frames) {
    // On another machine than the log's a library of the same name is another one.
    const auto& lookup = lookup_of(frame);
    const auto location =
        site.same && lookup.same ? lookup.locations.at(frame.address).value_or(Location{}) : Location{};
    entry.chain.push_back({frame.module, hex(frame.address), location.function, location.source});
  }
  auto& chain = entry.chain;
  if (chain[0].function.empty()) chain[0].function = entry.place.function;
  const auto of_program = static_cast<std::size_t>(std::ranges::find(chain, entry.exe, &Place::module) - chain.begin());
  const auto at = place_in(chain, of_program);
  if (chain[at].module != chain[0].module) entry.via = chain[0].module;
  if (at < of_program && of_program < chain.size()) entry.for_whom = name_of(chain[of_program]);
  entry.place = chain[at];
  entry.note = lookup_of(frames[at]).note;
  if (entry.note.empty() && entry.place.source.empty()) entry.note = site.note;
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
  for (auto& entry : entries) places.push_back(std::move(entry.where));
  look_up(places);
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].where = std::move(places[i]);
}

}  // namespace report
