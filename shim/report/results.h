// Everything that a report is made of, and the forms in which it is written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "report/entry.h"
#include "report/options.h"
#include "report/reader.h"
#include "report/screen.h"
#include "report/sum.h"
#include "report/tally.h"

namespace report {

struct Results {
  const Options& options;
  const Tally& tally;
  const Seen& seen;
  std::vector<Entry> entries;                // the most frequent first
  std::vector<PassedEntry> killed, handled;  // the most frequent first, dead pipes last
  std::vector<std::string> unread;           // a line for each input that could not be read
  std::string trouble;                       // why there are no source lines; empty where there are
  std::string compiled = {};                 // the same of the functions of an interpreter's programs

  // All SIGPIPEs, averted and observed.
  std::uint64_t total() const {
    std::uint64_t sum = tally.averted().count;
    add_saturated(sum, tally.observed().count);
    return sum;
  }

  // How many of the entries are to be shown: as many as --top says, or else `by_default`. 0 stands for all.
  std::size_t shown(std::size_t by_default) const {
    const std::size_t top = options.top.value_or(by_default);
    return top == 0 ? entries.size() : std::min(top, entries.size());
  }

  // The rows that are not shown, as one, where `number_shown` entries are.
  struct Others : Sum {
    std::uint64_t rows = 0;
  };
  Others others(std::size_t number_shown) const {
    Others others{tally.others(), tally.rows_in_others() + (entries.size() - number_shown)};
    for (std::size_t i = number_shown; i < entries.size(); ++i) others.add(entries[i]);
    return others;
  }
};

std::string as_table(const Results& results, const Screen& screen);
std::string as_json(const Results& results);
// A page for a browser, with the stacks as as_folded() has them; without, it has no flame graph.
std::string as_html(const Results& results, const std::string& stacks);
// By call site only, and of entries that have not been merged.
std::string as_folded(const Results& results);
// Of the tally alone; the entries may be missing.
std::string as_openmetrics(const Results& results);

// The part of the table about what was not averted; empty where there was nothing.
std::string killed_and_handled(const Results& results, const Screen& screen);

// The first sentence of the table: how many SIGPIPEs, how deadly, and when.
std::string summary(const Results& results);
// Its last lines: what was lost, damaged or left out.
std::vector<std::string> remarks(const Results& results);

}  // namespace report
