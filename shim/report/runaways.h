// The threads that ran away on a dead socket, by program and name.
#pragma once

#include <string>
#include <vector>

#include "report/sum.h"

namespace report {

struct Runaway : Sum {
  std::string exe, thread, action;
  std::uint64_t epipes = 0;  // in one go, at most
};

class Runaways {
 public:
  void add(const Record& record) {
    auto same = std::find_if(list_.begin(), list_.end(), [&](const Runaway& other) {
      return other.exe == record.exe && other.thread == record.thread && other.action == record.action;
    });
    if (same == list_.end()) {
      if (list_.size() == kMost) return grow(more_, 1);
      same = list_.insert(same,
                          Runaway{{}, std::string(record.exe), std::string(record.thread), std::string(record.action)});
    }
    same->add(record);
    same->epipes = std::max(same->epipes, record.epipes.value_or(0));
  }

  const std::vector<Runaway>& list() const { return list_; }
  std::uint64_t more() const { return more_; }  // events of those that found no place

 private:
  static constexpr std::size_t kMost = 100;
  std::vector<Runaway> list_;
  std::uint64_t more_ = 0;
};

}  // namespace report
