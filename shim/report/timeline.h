// How many events there were when: bins that get wider as the time they cover gets longer.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "report/sum.h"
#include "report/timestamp.h"

namespace report {

class Timeline {
 public:
  void add(Moment time, std::uint64_t count) {
    const Moment bin = floor_of(time);
    if (last_ == nullptr || bin != last_bin_) {
      last_ = &bins_[bin];
      last_bin_ = bin;
    }
    grow(*last_, count);
    while (bins_.size() > kMost) widen();
  }

  bool empty() const { return bins_.empty(); }
  Moment width() const { return width_; }  // of a bin
  const std::map<Moment, std::uint64_t>& bins() const { return bins_; }

  // The same in this many columns, from the first event to the last.
  std::vector<std::uint64_t> columns(std::size_t number) const {
    std::vector<std::uint64_t> columns(number);
    if (bins_.empty()) return columns;
    const Moment from = bins_.begin()->first;
    const Moment bins = (bins_.rbegin()->first - from) / width_ + 1;
    for (const auto& [time, count] : bins_)
      grow(columns[static_cast<std::size_t>((time - from) / width_ * static_cast<Moment>(number) / bins)], count);
    return columns;
  }

 private:
  static constexpr std::size_t kMost = 2048;

  Moment floor_of(Moment time) const { return time - ((time % width_) + width_) % width_; }

  void widen() {
    width_ *= 2;
    std::map<Moment, std::uint64_t> wider;
    for (const auto& [time, count] : bins_) grow(wider[floor_of(time)], count);
    bins_ = std::move(wider);
    last_ = nullptr;
  }

  std::map<Moment, std::uint64_t> bins_;
  Moment width_ = kSecond;
  std::uint64_t* last_ = nullptr;  // most events come in the order of time
  Moment last_bin_ = 0;
};

}  // namespace report
