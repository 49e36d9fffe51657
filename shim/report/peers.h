// The most frequent peers of a row, in a fixed number of slots: a peer that finds none free takes over the one with the
// smallest count, and that count with it (the Space-Saving algorithm), so that what is frequent stays whatever else
// comes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "report/sum.h"

namespace report {

class Peers {
 public:
  struct Peer {
    std::string name;
    std::uint64_t count = 0;      // at most this often
    std::uint64_t inherited = 0;  // of which this much may have been others'
    std::uint64_t at_least() const { return count - inherited; }
  };

  // Of a name the first 108 bytes count, which is as long as an AF_UNIX path can be.
  void add(std::string_view name, std::uint64_t count) {
    name = name.substr(0, kLongest);
    if (const auto same = std::ranges::find(slots_, name, &Peer::name); same != slots_.end())
      return add_saturated(same->count, count);
    if (slots_.size() < kSlots) {
      slots_.push_back({std::string(name), count, 0});
      return;
    }
    auto& least = *std::ranges::min_element(slots_, {}, &Peer::count);
    least.name = name;
    least.inherited = least.count;
    add_saturated(least.count, count);
  }

  void add(const Peers& others) {
    for (const auto& peer : others.slots_) add(peer.name, peer.at_least());
  }

  // The most frequent first, at most this many.
  std::vector<Peer> top(std::size_t number) const {
    auto sorted = slots_;
    std::ranges::stable_sort(sorted, std::ranges::greater{}, &Peer::at_least);
    sorted.resize(std::min(sorted.size(), number));
    return sorted;
  }

 private:
  static constexpr std::size_t kSlots = 8;
  static constexpr std::size_t kLongest = 108;

  std::vector<Peer> slots_;
};

}  // namespace report
