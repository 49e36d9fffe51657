#include "report/passed.h"

#include <algorithm>
#include <cstddef>

namespace report {
namespace {

constexpr std::size_t kMost = 1000;

// Of what the kernel has raised itself, the sender says nothing.
std::string from(const Record& record) {
  if (!record.path.empty()) return std::string(record.path);
  if (!record.sender_pid || record.kind != "signal") return {};
  std::string text = record.sender.empty() ? "process" : std::string(record.sender);
  text += " (pid " + std::to_string(*record.sender_pid);
  if (record.sender_uid) text += ", uid " + std::to_string(*record.sender_uid);
  return text + ")";
}

// What was held back and is told at the end of the process is of a kind that a line before has named.
bool is_of(const PassedRow& row, const Record& record) {
  return row.exe == record.exe && row.call == record.call && (record.kind.empty() || row.kind == record.kind);
}

bool differs(const std::string& known, const std::string& value) {
  return !known.empty() && !value.empty() && known != value;
}

}  // namespace

void Passed::add(const Record& record, std::uint64_t count, const std::string& site) {
  if (count == 0) return;
  const Sum sum{count, 0, record.time, record.time};
  all_.add(sum);
  auto row = std::ranges::find_if(list_, [&](const PassedRow& other) { return is_of(other, record); });
  if (row == list_.end()) {
    if (list_.size() == kMost) return others_.add(sum);
    row = list_.insert(row, PassedRow{});
    row->exe = record.exe;
    row->call = record.call;
    row->kind = record.kind;
  }
  row->add(sum);
  const auto source = from(record);
  row->from_others |= differs(row->from, source);
  row->elsewhere |= differs(row->site, site);
  if (!source.empty()) row->from = source;
  if (row->site.empty()) row->site = site;
}

}  // namespace report
