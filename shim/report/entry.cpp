#include "report/entry.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "tools/display.h"

namespace report {

std::string address_of(const Place& place) {
  const std::string name = place.module.empty() ? "unknown" : tools::base_name(place.module);
  return place.offset.empty() ? name : name + "+" + place.offset;
}

std::string name_of(const Place& place) { return place.function.empty() ? address_of(place) : place.function; }

namespace {

// What a key says about its call site.
void set_site(Entry& entry, std::string_view key) {
  const SiteKey parts = parts_of(key);
  entry.exe = parts.exe;
  entry.call = parts.call;
  entry.build_id = parts.build_id;
  entry.place.module = parts.module.empty() && parts.offset.empty() ? parts.exe : parts.module;
  entry.place.function = parts.symbol;
  entry.place.offset = parts.offset;
  entry.frames.assign(parts.stack.begin(), parts.stack.end());
  // What is in no file is an interpreter's, and beyond the first function of the interpreter itself.
  const bool is_interpreted = std::ranges::any_of(parts.stack, [](const auto frame) { return frame.starts_with('+'); });
  auto end = parts.offset;
  for (const auto frame : parts.stack) {
    end = frame;
    if (!is_interpreted && frame.substr(0, frame.rfind('+')) == parts.exe) break;
  }
  entry.site = key.substr(0, static_cast<std::size_t>(end.data() + end.size() - key.data()));
}

}  // namespace

std::vector<PassedEntry> entries_of(const Passed& passed) {
  std::vector<PassedEntry> entries;
  for (const auto& row : passed.list()) {
    PassedEntry entry{row, {}};
    if (!row.site.empty()) set_site(entry.where, row.site);
    entry.where.add(row);
    entries.push_back(std::move(entry));
  }
  std::ranges::stable_sort(entries, [](const PassedEntry& a, const PassedEntry& b) {
    const bool is_pipe = a.row.kind == "pipe";
    const bool is_other_pipe = b.row.kind == "pipe";
    return is_pipe != is_other_pipe ? is_other_pipe : a.where.count > b.where.count;
  });
  return entries;
}

std::vector<Entry> entries_of(const Tally& tally) {
  std::vector<Entry> entries;
  auto rows = tally.rows();
  tally.held_back().spread(rows);
  entries.reserve(rows.size());
  for (const auto& [key, row] : rows) {
    Entry entry;
    entry.add(row);
    entry.peers = row.peers;
    entry.process = row.process;
    if (tally.by() == By::site) {
      set_site(entry, key);
    } else {
      entry.name = key.empty() ? "not told" : key;
    }
    entries.push_back(std::move(entry));
  }
  // The same log gives the same report, so equal counts have an order, too.
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    const auto order = [](const Entry& e) {
      return std::tie(e.name, e.exe, e.place.module, e.place.offset, e.call, e.build_id, e.site);
    };
    return a.count != b.count ? a.count > b.count : order(a) < order(b);
  });
  return entries;
}

void merge(std::vector<Entry>& entries) {
  std::unordered_map<std::string, std::size_t> merged_at;  // by call site
  std::vector<Entry> merged;
  for (auto& entry : entries) {
    const bool is_site = !entry.site.empty();
    const auto at = is_site ? merged_at.emplace(entry.site, merged.size()).first->second : merged.size();
    if (at == merged.size()) {
      merged.push_back(std::move(entry));
    } else {
      merged[at].add(entry);
      merged[at].peers.add(entry.peers);
    }
  }
  std::ranges::stable_sort(merged, std::ranges::greater{}, &Entry::count);
  entries = std::move(merged);
}

}  // namespace report
