// How many events there were, how many of them deadly, and between when.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "report/record.h"
#include "report/timestamp.h"

namespace report {

// A sum stays at the largest number rather than begin anew: a log may say anything.
inline void add_saturated(std::uint64_t& sum, std::uint64_t number) {
  if (__builtin_add_overflow(sum, number, &sum)) sum = std::numeric_limits<std::uint64_t>::max();
}

struct Sum {
  std::uint64_t count = 0;
  std::uint64_t kills = 0;
  Timestamp first = Timestamp::max();  // later than `last` where there was no event
  Timestamp last = Timestamp::min();

  void add(const Sum& other) {
    add_saturated(count, other.count);
    add_saturated(kills, other.kills);
    first = std::min(first, other.first);
    last = std::max(last, other.last);
  }
  // The events that a record accounts for; one where it has no count.
  void add(const Record& record) {
    add(Sum{record.count.value_or(1), record.kills.value_or(0), record.time, record.time});
  }
};

}  // namespace report
