// The start of a program: the shortest there is, and one with a hundred shared objects. Timed by hyperfine, in turns.
#include <algorithm>

#include "bench/sections.h"
#include "bench/variants.h"
#include "support/cost.h"

namespace {

// hyperfine's median in microseconds. env(1) is there in both cases, so that hyperfine itself runs without the shim.
double start_of(const std::string& program, const std::string& preloaded, int runs) {
  const Directory directory;
  output_of({"hyperfine", "-N", "-w", "2", "-r", std::to_string(runs), "--export-csv", directory / "csv",
             "env LD_PRELOAD=" + preloaded + " " + program});
  const auto lines = lines_of(contents(directory / "csv"));
  if (lines.size() != 2) throw std::runtime_error("hyperfine has not measured " + program);
  // command,mean,stddev,median,user,system,min,max
  std::istringstream fields(lines[1]);
  std::string field;
  for (int i = 0; i < 4; ++i) std::getline(fields, field, ',');
  return std::stod(field) * 1e6;
}

}  // namespace

void measure_start(Figures& figures, double seconds) {
  const int turns = 15;
  const std::pair<std::string, std::string> programs[] = {{"true", "true"},
                                                          {"100 shared objects", built("tests/bench/hundred")}};
  for (const auto& [name, program] : programs) {
    // env and a small program take about 2 ms; hyperfine's own warming up is two more.
    const int runs = std::clamp(static_cast<int>(seconds / 4 / turns / 0.0025), 10, 200);
    std::vector<double> without;
    std::vector<double> with;
    std::vector<double> added;
    for (int turn = 0; turn < turns; ++turn) {
      const bool shim_first = turn % 2 == 1;
      if (shim_first) with.push_back(start_of(program, built("libnosigpipe.so"), runs));
      without.push_back(start_of(program, "", runs));
      if (!shim_first) with.push_back(start_of(program, built("libnosigpipe.so"), runs));
      added.push_back(with.back() - without.back());
    }
    figures.push_back({"Start to end", name, "bare", "us", spread_of(without), {}, {}});
    figures.push_back({"Start to end", name, "shim", "us", spread_of(with), ratios(with, without), {}});
    Figure more{"Start to end", name, "added", "us", spread_of(added), {}, {}};
    if (name == "true") more.limit = Limit{"start of true: microseconds added", more.value, 300};
    figures.push_back(more);
  }
}
