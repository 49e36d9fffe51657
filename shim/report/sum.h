// How many events, how many of them deadly, and between when. A count stays at the largest number rather than begin
// anew: a log may say anything.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "report/record_reader.h"

namespace report {

inline void grow(std::uint64_t& sum, std::uint64_t by) {
  if (__builtin_add_overflow(sum, by, &sum)) sum = std::numeric_limits<std::uint64_t>::max();
}

struct Sum {
  std::uint64_t count = 0;
  std::uint64_t kills = 0;
  Moment first = std::numeric_limits<Moment>::max();
  Moment last = std::numeric_limits<Moment>::min();

  void add(const Sum& other) {
    grow(count, other.count);
    grow(kills, other.kills);
    first = std::min(first, other.first);
    last = std::max(last, other.last);
  }
  void add(const Record& record) {
    add(Sum{record.count.value_or(1), record.kills.value_or(0), record.time, record.time});
  }
};

}  // namespace report
