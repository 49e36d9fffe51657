// What a total tells was held back, and of which no line says the peer, thread, descriptor or cause: spread over what
// the lines of the same call site in the same process say, or where there is none, over what all lines say.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "report/sum.h"

namespace report {

class HeldBack {
 public:
  // One of its lines says this.
  void add_known(const std::string& site, const std::string& name, std::uint64_t count) {
    if (sites_.size() < kMost || sites_.contains(site)) {
      auto& known = sites_[site].known;
      if (known.size() < kMostNames || known.contains(name)) add_saturated(known[name], count);
    }
  }
  void add(const std::string& site, const Sum& sum) {
    all_.add(sum);
    (sites_.size() < kMost || sites_.contains(site) ? sites_[site].held_back : elsewhere_).add(sum);
  }
  const Sum& all() const { return all_; }

  // Gives each row, by its name, its part.
  template <class Rows>
  void spread(Rows& rows) const {
    Sum rest = elsewhere_;
    Names all;
    for (const auto& [name, row] : rows) all[name] = row.count;
    for (const auto& [key, site] : sites_)
      site.known.empty() ? rest.add(site.held_back) : give(rows, site.known, site.held_back);
    if (rest.count > 0) give(rows, all, rest);
  }

 private:
  static constexpr std::size_t kMost = 10'000;
  static constexpr std::size_t kMostNames = 64;
  using Names = std::unordered_map<std::string, std::uint64_t>;

  // Rounded so that the parts add up.
  static std::uint64_t part(std::uint64_t of, std::uint64_t upto, std::uint64_t whole) {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(of) * upto / whole);
  }

  template <class Rows>
  static void give(Rows& rows, const Names& names, const Sum& sum) {
    std::uint64_t whole = 0, upto = 0;
    for (const auto& [name, count] : names) add_saturated(whole, count);
    if (whole == 0) return rows[{}].add(sum);
    for (const auto& [name, count] : names) {
      const auto from = upto;
      add_saturated(upto, count);
      const auto parts = [&](std::uint64_t of) { return part(of, upto, whole) - part(of, from, whole); };
      if (parts(sum.count) > 0) rows[name].add(Sum{parts(sum.count), parts(sum.kills), sum.first, sum.last});
    }
  }

  struct Site {
    Names known;
    Sum held_back;
  };
  std::unordered_map<std::string, Site> sites_;
  Sum all_, elsewhere_;
};

}  // namespace report
