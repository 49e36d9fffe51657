#include "report/places.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace report {
namespace {

constexpr std::size_t kMostLookedUp = 1000;  // entries
constexpr std::size_t kMostKept = 10'000;    // binaries
constexpr std::size_t kMostBinaries = 64;    // a process each
constexpr auto kPatience = std::chrono::seconds(20);

std::optional<std::uint64_t> address_in(std::string_view text) {
  std::uint64_t address = 0;
  if (!text.starts_with("0x")) return {};
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), address, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return address;
}

// The innermost first. The build of a module is told where it is first named.
std::vector<Frame> frames_of(const Entry& entry) {
  std::vector<Frame> frames;
  std::map<std::string, std::string> builds{{entry.module, entry.build_id}};
  const auto site = address_in(entry.offset);
  if (site) frames.push_back({entry.module, entry.build_id, *site});
  for (const auto& text : entry.frames) {
    const auto plus = text.rfind('+');
    const auto at = text.find('@', plus);
    const auto address =
        plus == text.npos ? std::nullopt : address_in(std::string_view(text).substr(plus + 1, at - plus - 1));
    if (!address) continue;
    Frame frame{text.substr(0, plus), {}, *address};
    if (at != text.npos) builds[frame.module] = text.substr(at + 1);
    frame.build_id = builds[frame.module];
    if (frames.size() != 1 || !site || frame != frames[0]) frames.push_back(frame);
  }
  return frames;
}

std::string hex(std::uint64_t number) {
  char digits[24];
  return "0x" + std::string(digits, std::to_chars(digits, std::end(digits), number, 16).ptr);
}

std::string name_of(const Frame& frame) {
  Entry entry;
  entry.module = frame.module;
  entry.offset = hex(frame.address);
  return address_of(entry);
}

}  // namespace

void Places::ask() {
  std::size_t number = 0;
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (const auto& id : order_) {
    auto& asked = all_[id];
    std::vector<std::uint64_t> addresses;
    // One less than the address a call returns to is inside of the call.
    for (const auto& [address, place] : asked.places)
      if (!place) addresses.push_back(address - 1);
    if (addresses.empty()) continue;
    if (number == kMostBinaries || std::chrono::steady_clock::now() > end) {
      asked.note = "not looked up, there are too many";
      continue;
    }
    const auto found = binaries_.find({id.first, id.second, asked.since});
    asked.note = found.note;
    asked.same = found.file.has_value();
    if (asked.same) ++number;
    const auto places = found.file ? symbolizer_.places(*found.file, addresses) : std::vector<Place>{};
    std::size_t at = 0;
    for (auto& [address, place] : asked.places)
      if (!place) place = at < places.size() ? places[at++] : Place{};
  }
}

// Shows the first frame whose line is known.
void Places::show(Entry& entry, const std::vector<Frame>& frames) const {
  if (frames.empty()) return;
  const auto& site = all_.at({frames[0].module, frames[0].build_id});
  const auto place_of = [&](const Frame& frame) {
    // On another machine than the log's a library of the same name is another one.
    const auto& asked = all_.at({frame.module, frame.build_id});
    return site.same && asked.same ? asked.places.at(frame.address).value_or(Place{}) : Place{};
  };
  entry.note = site.note;
  entry.frames.clear();
  for (const auto& frame : frames) {
    auto place = place_of(frame);
    const bool is_site = entry.frames.empty();
    if (place.function.empty()) place.function = is_site && !entry.function.empty() ? entry.function : name_of(frame);
    entry.frames.push_back(place.function);
    if (is_site) entry.function = place.function;
    if (place.source.empty() || !entry.source.empty()) continue;
    entry.source = place.source;
    entry.function = place.function;
    entry.note = all_.at({frame.module, frame.build_id}).note;
    if (frame.module != entry.module) entry.via = entry.module;
    entry.module = frame.module;
    entry.offset = hex(frame.address);
  }
}

void Places::look_up(std::vector<Entry>& entries) {
  if (all_.size() > kMostKept) all_.clear();
  order_.clear();
  const std::size_t number = std::min(entries.size(), kMostLookedUp);
  std::vector<std::vector<Frame>> frames;
  for (std::size_t i = 0; i < number; ++i) {
    frames.push_back(frames_of(entries[i]));
    for (const auto& frame : frames[i]) {
      const BinaryId id{frame.module, frame.build_id};
      auto& asked = all_[id];
      asked.since = std::min(asked.since, entries[i].first);
      if (asked.places.try_emplace(frame.address).second) order_.push_back(id);
    }
  }
  if (wanted_) ask();
  for (std::size_t i = 0; i < number; ++i) show(entries[i], frames[i]);
}

}  // namespace report
