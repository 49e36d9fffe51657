#include "report/tally.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>

#include "tools/display.h"

namespace report {
namespace {

std::string_view host_of(const Record& record) {
  if (!record.socket.starts_with("tcp")) return record.peer;
  return record.peer.substr(0, record.peer.rfind(':'));
}

// Empty where the record has no such number.
std::string decimal(const std::optional<std::uint64_t>& number) { return number ? std::to_string(*number) : ""; }

// The key of a call site. No field holds a NUL, but the stack, which therefore comes last.
std::string site_of(const Record& record) {
  std::string key;
  for (const auto& part : {record.exe, record.call, record.module, record.build_id, record.symbol})
    key.append(part) += '\0';
  if (record.offset) key += tools::hex(*record.offset);
  if (!record.stack.empty()) (key += '\0').append(record.stack);
  return key;
}

std::uint64_t process_of(const Record& record) {
  return std::hash<std::string_view>{}(record.exe) ^ (record.pid.value_or(0) * 0x9e3779b97f4a7c15u);
}

}  // namespace

std::string peer_of(const Record& record) {
  if (!record.peer.empty()) return std::string(host_of(record));
  if (record.peer_pid) return "process " + std::to_string(*record.peer_pid);
  return {};
}

void Tally::make_key(const Record& record) {
  key_.clear();
  switch (by_) {
    case By::site:
      key_ = site_of(record);
      break;
    case By::call:
      key_ = record.call;
      break;
    case By::thread:
      key_ = record.thread;
      break;
    case By::peer:
      key_ = peer_of(record);
      break;
    case By::cause:
      key_ = record.cause;
      break;
    case By::fd:
      if (!record.fd) break;
      key_ = "fd " + decimal(record.fd) + " of ";
      [[fallthrough]];
    case By::process:
      ((key_ += "pid ") += decimal(record.pid)) += ' ';
      key_ += record.exe;
  }
}

Row& Tally::row() {
  const auto found = rows_.find(key_);
  if (found != rows_.end()) return found->second;
  if (rows_.size() >= kMostRows || key_bytes_ + key_.size() > kMostKeyBytes) fold_small_rows();
  key_bytes_ += key_.size();
  return rows_[key_];
}

// Half of them at once, so that it is seldom done.
void Tally::fold_small_rows() {
  std::vector<std::uint64_t> counts;
  for (const auto& [key, row] : rows_) counts.push_back(row.count);
  const auto middle = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2);
  std::ranges::nth_element(counts, middle);
  for (auto row = rows_.begin(); row != rows_.end();) {
    if (row->second.count > *middle) {
      ++row;
      continue;
    }
    others_.add(row->second);
    ++rows_in_others_;
    key_bytes_ -= row->first.size();
    row = rows_.erase(row);
  }
}

void Tally::add_passed(const Record& record) {
  const auto site = record.module.empty() ? "" : site_of(record);
  // Threads that meet the same dead pipe at once may each tell of the one death.
  auto kills = *record.kills;
  if (kills > 0 && (killed_at_.size() < kMostProcesses || killed_at_.contains(process_of(record)))) {
    const auto [before, is_first] = killed_at_.try_emplace(process_of(record), record.time);
    if (!is_first && std::chrono::abs(record.time - before->second) < std::chrono::seconds(1)) kills = 0;
    before->second = record.time;
  }
  killed_.add(record, kills, site);
  handled_.add(record, *record.count - *record.kills, site);
}

void Tally::add(const Record& record) {
  if (record.lost) add_saturated(lost_, *record.lost);
  if (record.about == Event::runaway) return runaways_.add(record);
  if (record.about == Event::passed) return add_passed(record);
  const auto process = process_of(record);
  if (processes_.size() < kMostProcesses) processes_.insert(process);
  if (record.about == Event::observed && observing_.size() < kMostProcesses) observing_.insert(process);
  if (*record.count == 0) return;

  const bool observed =
      record.about == Event::observed || (record.about == Event::total && observing_.contains(process));
  (observed ? observed_ : averted_).add(record);
  timeline_.add(record.time, *record.count);
  counters_.add(record, observed);
  if (by_ == By::thread || by_ == By::peer || by_ == By::fd || by_ == By::cause) {
    const auto site = std::to_string(record.pid.value_or(0)) + ' ' + site_of(record);
    if (record.about == Event::total)
      return held_back_.add(site, Sum{*record.count, *record.kills, record.time, record.time});
    make_key(record);
    held_back_.add_known(site, key_, *record.count);
  }
  make_key(record);
  auto& to = row();
  if (to.count == 0) to.process = {record.pid.value_or(0), record.uid, record.started};
  to.add(record);
  if (const auto peer = peer_of(record); !peer.empty()) to.peers.add(peer, *record.count);
}

SiteKey parts_of(std::string_view key) {
  const auto next = [&key] {
    const auto end = key.find('\0');
    const auto part = key.substr(0, end);
    key.remove_prefix(end == key.npos ? key.size() : end + 1);
    return part;
  };
  SiteKey parts;
  for (auto* part : {&parts.exe, &parts.call, &parts.module, &parts.build_id, &parts.symbol, &parts.offset})
    *part = next();
  while (!key.empty() && parts.stack.size() < kMostFrames) parts.stack.push_back(next());
  return parts;
}

}  // namespace report
