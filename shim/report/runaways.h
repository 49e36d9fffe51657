// The threads that ran away on a dead socket, by program, thread name and what was done about them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "report/record.h"
#include "report/sum.h"

namespace report {

struct Runaway : Sum {
  std::string exe, thread, action;
  std::uint64_t epipes = 0;  // in a row, at most
};

class Runaways {
 public:
  // A record of the event runaway.
  void add(const Record& record) {
    auto same = std::ranges::find_if(list_, [&](const Runaway& other) {
      return other.exe == record.exe && other.thread == record.thread && other.action == record.action;
    });
    if (same == list_.end()) {
      if (list_.size() == kMost) return add_saturated(more_, 1);
      same = list_.insert(same,
                          Runaway{{}, std::string(record.exe), std::string(record.thread), std::string(record.action)});
    }
    same->add(record);
    same->epipes = std::max(same->epipes, record.epipes.value_or(0));
  }

  // The first 100, in the order of the log.
  const std::vector<Runaway>& list() const { return list_; }
  // How many events there were of those that are not in the list.
  std::uint64_t more() const { return more_; }

 private:
  static constexpr std::size_t kMost = 100;
  std::vector<Runaway> list_;
  std::uint64_t more_ = 0;
};

}  // namespace report
