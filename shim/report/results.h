// Everything that a report is made of, and the forms in which it is written.
#pragma once

#include <string>
#include <vector>

#include "report/entry.h"
#include "report/options.h"

namespace report {

struct Findings {
  const Options& options;
  const Tally& tally;
  const Seen& seen;
  std::vector<Entry> entries;
  std::vector<std::string> unread;  // inputs that could not be read, and why
  std::string trouble;              // with looking up source lines

  std::uint64_t total() const {
    std::uint64_t sum = tally.averted().count;
    grow(sum, tally.observed().count);
    return sum;
  }
  // Of all entries, how many are to be shown.
  std::size_t shown(std::size_t by_default) const {
    const std::size_t top = options.top.value_or(by_default);
    return top == 0 ? entries.size() : std::min(top, entries.size());
  }
};

struct Screen {
  std::size_t width = 0;  // 0: lines are not cut
  bool color = false;
  bool blocks = false;  // it can show U+2581 and its kin
};
Screen screen_for(const Options& options, int fd);

std::string as_table(const Findings& findings, const Screen& screen);
std::string as_json(const Findings& findings);
std::string as_folded(const Findings& findings);
std::string as_openmetrics(const Findings& findings);

// The first sentences, for people: how many, how deadly, where, when.
std::string summary(const Findings& findings);
// What was lost, damaged or left out; a line each.
std::vector<std::string> remarks(const Findings& findings);

// Rows of blocks, or of letters where there are none, and a line with the times.
std::string drawn(const Timeline& timeline, const Screen& screen);
std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width, const Screen& screen);

}  // namespace report
