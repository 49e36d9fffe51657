#include "places.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <optional>

#include "binaries.h"
#include "symbolizer.h"

namespace report {
namespace {

constexpr std::size_t kMostLookedUp = 1000;  // entries
constexpr std::size_t kMostBinaries = 64;    // a process each
constexpr auto kPatience = std::chrono::seconds(20);

struct Frame {
  std::string module, build_id;
  std::uint64_t address = 0;  // that a call returns to

  bool operator==(const Frame&) const = default;
};

using BinaryId = std::pair<std::string, std::string>;  // path and build id

std::optional<std::uint64_t> address_in(std::string_view text) {
  std::uint64_t address = 0;
  if (!text.starts_with("0x")) return {};
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), address, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return address;
}

// The innermost first. The log tells the build of the call site's module alone.
std::vector<Frame> frames_of(const Entry& entry) {
  std::vector<Frame> frames;
  const auto site = address_in(entry.offset);
  if (site) frames.push_back({entry.module, entry.build_id, *site});
  for (const auto& text : entry.frames) {
    const auto plus = text.rfind('+');
    const auto address = plus == text.npos ? std::nullopt : address_in(std::string_view(text).substr(plus + 1));
    if (!address) continue;
    Frame frame{text.substr(0, plus), {}, *address};
    if (frame.module == entry.module) frame.build_id = entry.build_id;
    if (frames.size() != 1 || !site || frame != frames[0]) frames.push_back(frame);
  }
  return frames;
}

// What is asked of one binary, and the answers.
struct Asked {
  Moment since = std::numeric_limits<Moment>::max();
  std::map<std::uint64_t, Place> places;
  std::string note;
  bool same = false;  // as the one that the log met
};

using AskedOf = std::map<BinaryId, Asked>;

std::string ask(AskedOf& all, const std::string& symbolizer_name, const std::vector<std::string>& search) {
  Symbolizer symbolizer(symbolizer_name);
  Binaries binaries(search);
  std::size_t number = 0;
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (auto& [id, asked] : all) {
    if (++number > kMostBinaries || std::chrono::steady_clock::now() > end) {
      asked.note = "not looked up, there are too many";
      continue;
    }
    const auto found = binaries.find({id.first, id.second, asked.since});
    asked.note = found.note;
    asked.same = found.file.has_value();
    if (!found.file) continue;
    std::vector<std::uint64_t> addresses;
    // One less than the address a call returns to is inside of the call.
    for (const auto& [address, place] : asked.places) addresses.push_back(address - 1);
    const auto places = symbolizer.places(*found.file, addresses);
    std::size_t at = 0;
    for (auto& [address, place] : asked.places)
      if (at < places.size()) place = places[at++];
  }
  return symbolizer.trouble();
}

// Shows the first frame whose line is known.
void show(Entry& entry, const std::vector<Frame>& frames, const AskedOf& all) {
  if (frames.empty()) return;
  const auto& site = all.at({frames[0].module, frames[0].build_id});
  const auto place_of = [&](const Frame& frame) -> Place {
    // On another machine than the log's a library of the same name is another one.
    const auto& asked = all.at({frame.module, frame.build_id});
    return site.same && asked.same ? asked.places.at(frame.address) : Place{};
  };
  entry.note = site.note;
  entry.frames.clear();
  for (const auto& frame : frames) {
    const auto place = place_of(frame);
    char offset[24];
    *std::to_chars(offset, std::end(offset) - 1, frame.address, 16).ptr = '\0';
    const bool first = entry.frames.empty();
    Entry unnamed;
    unnamed.module = frame.module;
    unnamed.offset = std::string("0x") + offset;
    entry.frames.push_back(!place.function.empty()            ? place.function
                           : first && !entry.function.empty() ? entry.function
                                                              : address_of(unnamed));
    if (first && !place.function.empty()) entry.function = place.function;
    if (place.source.empty() || !entry.source.empty()) continue;
    entry.source = place.source;
    entry.note = all.at({frame.module, frame.build_id}).note;
    if (first) continue;
    entry.function = place.function.empty() ? address_of(unnamed) : place.function;
    entry.offset = unnamed.offset;
    if (frame.module != entry.module) entry.via = entry.module;
    entry.module = frame.module;
  }
}

// Different ways to the same line are one entry.
void merge(std::vector<Entry>& entries) {
  std::map<std::vector<std::string>, std::size_t> seen;
  std::vector<Entry> merged;
  for (auto& entry : entries) {
    const std::vector<std::string> key{entry.exe, entry.call, entry.module, entry.offset, entry.build_id, entry.via};
    const auto [place, added] = seen.emplace(key, merged.size());
    if (added) {
      merged.push_back(std::move(entry));
    } else {
      merged[place->second].add(entry);
      merged[place->second].peers.add(entry.peers);
    }
  }
  std::stable_sort(merged.begin(), merged.end(), [](const Entry& a, const Entry& b) { return a.count > b.count; });
  entries = std::move(merged);
}

}  // namespace

std::string look_up(std::vector<Entry>& entries, const std::string& symbolizer,
                    const std::vector<std::string>& search) {
  const std::size_t number = symbolizer == "none" ? 0 : std::min(entries.size(), kMostLookedUp);
  std::vector<std::vector<Frame>> frames;
  AskedOf all;
  for (std::size_t i = 0; i < number; ++i) {
    frames.push_back(frames_of(entries[i]));
    for (const auto& frame : frames[i]) {
      auto& asked = all[{frame.module, frame.build_id}];
      asked.since = std::min(asked.since, entries[i].first);
      asked.places.emplace(frame.address, Place{});
    }
  }
  const auto trouble = ask(all, symbolizer, search);
  for (std::size_t i = 0; i < number; ++i) show(entries[i], frames[i], all);
  merge(entries);
  return trouble;
}

}  // namespace report
