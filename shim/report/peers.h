// The peers that a row met most often, in a fixed number of places: a peer that finds none takes over the smallest
// place with its count (the Space-Saving algorithm), so that what is frequent stays whatever else comes.
#pragma once

#include <algorithm>
#include <cstdint>
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

  void add(std::string_view name, std::uint64_t count) {
    name = name.substr(0, kLongest);
    for (auto& peer : places_)
      if (peer.name == name) {
        grow(peer.count, count);
        return;
      }
    if (places_.size() < kPlaces) {
      places_.push_back({std::string(name), count, 0});
      return;
    }
    auto& least = *std::min_element(places_.begin(), places_.end(), by_count);
    least.name = name;
    least.inherited = least.count;
    grow(least.count, count);
  }

  void add(const Peers& others) {
    for (const auto& peer : others.places_) add(peer.name, peer.at_least());
  }

  // The most frequent first.
  std::vector<Peer> top(std::size_t number) const {
    auto sorted = places_;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Peer& a, const Peer& b) { return a.at_least() > b.at_least(); });
    sorted.resize(std::min(sorted.size(), number));
    return sorted;
  }

 private:
  static constexpr std::size_t kPlaces = 8;
  static constexpr std::size_t kLongest = 108;  // an AF_UNIX path
  static bool by_count(const Peer& a, const Peer& b) { return a.count < b.count; }

  std::vector<Peer> places_;
};

}  // namespace report
