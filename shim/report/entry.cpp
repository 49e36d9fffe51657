#include "report/entry.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "report/display.h"

namespace report {

std::string address_of(const Entry& entry) {
  const auto& file = entry.module.empty() ? entry.exe : entry.module;
  const std::string name = file.empty() ? "unknown" : base_name(file);
  return entry.offset.empty() ? name : name + "+" + entry.offset;
}

namespace {

// What a key says about its call site.
void set_site(Entry& entry, std::string_view key) {
  const SiteKey parts = parts_of(key);
  entry.exe = parts.exe;
  entry.call = parts.call;
  entry.module = parts.module;
  entry.build_id = parts.build_id;
  entry.function = parts.symbol;
  entry.offset = parts.offset;
  entry.has_stack = !parts.stack.empty();
  entry.site = key.substr(0, static_cast<std::size_t>(parts.offset.data() + parts.offset.size() - key.data()));
  entry.frames.assign(parts.stack.begin(), parts.stack.end());
}

}  // namespace

std::vector<PassedEntry> entries_of(const Passed& passed) {
  std::vector<PassedEntry> entries;
  for (const auto& row : passed.list()) {
    PassedEntry entry{row, {}};
    if (!row.site.empty()) set_site(entry.place, row.site);
    entry.place.add(row);
    entries.push_back(std::move(entry));
  }
  std::ranges::stable_sort(entries, [](const PassedEntry& a, const PassedEntry& b) {
    const bool is_pipe = a.row.kind == "pipe";
    const bool is_other_pipe = b.row.kind == "pipe";
    return is_pipe != is_other_pipe ? is_other_pipe : a.place.count > b.place.count;
  });
  return entries;
}

std::vector<Entry> entries_of(const Tally& tally) {
  std::vector<Entry> entries;
  entries.reserve(tally.rows().size());
  for (const auto& [key, row] : tally.rows()) {
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
    const auto order = [](const Entry& e) { return std::tie(e.name, e.exe, e.module, e.offset, e.call, e.build_id); };
    return a.count != b.count ? a.count > b.count : order(a) < order(b);
  });
  return entries;
}

// A total has no stack: where only one is known for its call site, it belongs there.
void merge(std::vector<Entry>& entries) {
  std::stable_partition(entries.begin(), entries.end(), [](const Entry& entry) { return entry.has_stack; });
  std::map<std::vector<std::string>, std::size_t> merged_at;  // by what is shown
  std::map<std::string, std::set<std::size_t>> stacks;        // by call site: those in `merged` with a stack
  std::vector<Entry> merged;
  for (auto& entry : entries) {
    const std::vector<std::string> shown{entry.name,     entry.exe, entry.call,     entry.module, entry.offset,
                                         entry.build_id, entry.via, entry.function, entry.source};
    auto& with_stack = stacks[entry.site];
    std::size_t at = merged.size();
    if (!entry.has_stack && !entry.site.empty() && with_stack.size() == 1)
      at = *with_stack.begin();
    else
      at = merged_at.emplace(shown, at).first->second;
    if (at == merged.size()) {
      merged.push_back(std::move(entry));
    } else {
      merged[at].add(entry);
      merged[at].peers.add(entry.peers);
    }
    if (merged[at].has_stack) with_stack.insert(at);
  }
  std::ranges::stable_sort(merged, std::ranges::greater{}, &Entry::count);
  entries = std::move(merged);
}

}  // namespace report
