// The counters for a monitoring system: few labels with few values, whatever the log holds.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "report/record.h"
#include "report/sum.h"

namespace report {

struct Counter {
  std::string exe, call, cause;  // "others" where there were too many counters for one of its own
  Sum averted, observed;
};

class Counters {
 public:
  // `observed`: what the record counts was not averted.
  void add(const Record& record, bool observed) {
    key_.assign(record.exe).append(1, '\0').append(record.call).append(1, '\0').append(record.cause);
    auto found = counters_.find(key_);
    if (found == counters_.end()) {
      const bool full = counters_.size() + 1 >= kMost;
      found = counters_.try_emplace(full ? "others" : key_).first;
      auto& counter = found->second;
      counter.exe = full ? "others" : record.exe;
      counter.call = full ? "others" : record.call;
      counter.cause = full ? "others" : record.cause;
    }
    (observed ? found->second.observed : found->second.averted).add(record);
  }

  // In no order; the keys are of no use to others.
  const std::unordered_map<std::string, Counter>& list() const { return counters_; }

 private:
  static constexpr std::size_t kMost = 200;
  std::unordered_map<std::string, Counter> counters_;
  std::string key_;
};

}  // namespace report
