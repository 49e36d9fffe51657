// How many events there were when: bins that get wider as the time they cover gets longer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "report/sum.h"
#include "report/timestamp.h"

namespace report {

class Timeline {
 public:
  void add(Timestamp time, std::uint64_t count) {
    const Timestamp bin = start_of_bin(time);
    if (last_ == nullptr || bin != last_bin_) {
      last_ = &bins_[bin];
      last_bin_ = bin;
    }
    add_saturated(*last_, count);
    while (bins_.size() > kMost) widen();
  }

  bool empty() const { return bins_.empty(); }
  // Of a bin: one second, or a power of two of them.
  std::chrono::seconds width() const { return width_; }
  // By the time at which each begins. Those without an event are not there; there are at most 2048.
  const std::map<Timestamp, std::uint64_t>& bins() const { return bins_; }

  // The same in this many columns, from the first event to the last. `number` is at least 1.
  std::vector<std::uint64_t> columns(std::size_t number) const {
    std::vector<std::uint64_t> columns(number);
    if (bins_.empty()) return columns;
    const Timestamp from = bins_.begin()->first;
    const auto bins = (bins_.rbegin()->first - from) / width_ + 1;
    for (const auto& [time, count] : bins_) {
      const auto column = (time - from) / width_ * static_cast<std::int64_t>(number) / bins;
      add_saturated(columns[static_cast<std::size_t>(column)], count);
    }
    return columns;
  }

 private:
  static constexpr std::size_t kMost = 2048;

  // Times before 1970 are rounded down, too.
  Timestamp start_of_bin(Timestamp time) const {
    const auto past = time.time_since_epoch() % width_;
    return time - (past + width_) % width_;
  }

  void widen() {
    width_ *= 2;
    std::map<Timestamp, std::uint64_t> wider;
    for (const auto& [time, count] : bins_) add_saturated(wider[start_of_bin(time)], count);
    bins_ = std::move(wider);
    last_ = nullptr;
  }

  std::map<Timestamp, std::uint64_t> bins_;
  std::chrono::seconds width_{1};
  std::uint64_t* last_ = nullptr;  // most events come in the order of time
  Timestamp last_bin_;
};

}  // namespace report
