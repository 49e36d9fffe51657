// The figures of a run: what was measured, in which variant, with its spread, and what it is held against.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

// Median and quartiles.
struct Spread {
  double low = 0;
  double middle = 0;
  double high = 0;
};

inline Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double part) {
    const double place = part * static_cast<double>(values.size() - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
  };
  return {at(0.25), at(0.5), at(0.75)};
}

inline Spread exactly(double value) { return {value, value, value}; }

// Values of one turn belong together, so their ratios are taken turn by turn.
inline Spread ratios(const std::vector<double>& values, const std::vector<double>& base) {
  std::vector<double> list;
  for (size_t i = 0; i < std::min(values.size(), base.size()); ++i) list.push_back(values[i] / base[i]);
  return spread_of(list);
}

struct Limit {
  std::string what;  // is held: "ratio to bare"
  Spread measured;
  double bound = 0;
  bool at_least = false;
  bool exact = false;  // the same whatever the machine does, so a miss fails the run

  bool holds() const { return at_least ? measured.middle >= bound : measured.middle <= bound; }
};

// One cell of a table.
struct Figure {
  std::string table;
  std::string row;
  std::string column;
  std::string unit;
  Spread value;
  std::optional<Spread> ratio;  // to the first column, turn by turn
  std::optional<Limit> limit;
};

using Figures = std::vector<Figure>;
