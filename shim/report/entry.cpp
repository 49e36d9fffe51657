#include "entry.h"

#include <algorithm>
#include <tuple>

namespace report {

std::string address_of(const Entry& entry) {
  const auto& file = entry.module.empty() ? entry.exe : entry.module;
  const std::string name = file.empty() ? "unknown" : file.substr(file.rfind('/') + 1);
  return entry.offset.empty() ? name : name + "+" + entry.offset;
}

std::vector<Entry> entries_of(const Tally& tally) {
  std::vector<Entry> entries;
  entries.reserve(tally.rows().size());
  for (const auto& [key, row] : tally.rows()) {
    Entry entry;
    entry.add(row);
    entry.peers = row.peers;
    if (tally.by() == By::site) {
      const Key parts = parts_of(key);
      entry.exe = parts.exe;
      entry.call = parts.call;
      entry.module = parts.module;
      entry.build_id = parts.build_id;
      entry.function = parts.symbol;
      entry.offset = parts.offset;
      entry.frames.assign(parts.stack.begin(), parts.stack.end());
    } else {
      entry.name = key.empty() ? "not told" : key;
    }
    entries.push_back(std::move(entry));
  }
  // The same log gives the same report, so equal counts have an order, too.
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    const auto order = [](const Entry& e) { return std::tie(e.name, e.exe, e.module, e.offset, e.call, e.build_id); };
    return a.count != b.count ? a.count > b.count : order(a) < order(b);
  });
  return entries;
}

}  // namespace report
