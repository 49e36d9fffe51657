// The bench: measures what the shim costs against the same programs without it, and writes the report.
//
// usage: bench [SECTION]...      (calls exact servers start stops growth; default: all)
//
// In the environment: BENCH_SECONDS is about how long it may take (default 600), BENCH=quick is 100, and the servers
// take half a minute more.
// Exit status: 1 if an exact figure is over its limit. A timing over its limit is marked in the report, no more.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "bench/sections.h"
#include "bench/variants.h"

namespace {

double seconds() {
  if (const char* given = getenv("BENCH_SECONDS")) return std::max(10.0, std::atof(given));
  const char* how = getenv("BENCH");
  return how != nullptr && std::string(how) == "quick" ? 100 : 600;
}

struct Section {
  std::string name;
  double share;  // of the time
  void (*measure)(Figures&, double);
};

const Section kSections[] = {
    {"exact", 0, [](Figures& figures, double) { measure_exact(figures); }},
    {"calls", 0.35, measure_calls},
    {"servers", 0.45, measure_servers},
    {"start", 0.05,
     [](Figures& figures, double seconds) {
       measure_start(figures, seconds / 2);
       measure_ends(figures, seconds / 2);
     }},
    {"stops", 0.05, measure_stops},
    {"growth", 0.05, measure_growth},
};

}  // namespace

int main(int argc, char* argv[]) {
  const Strings wanted(argv + 1, argv + argc);
  Figures figures;
  for (const auto& section : kSections) {
    if (!wanted.empty() && std::ranges::find(wanted, section.name) == wanted.end()) continue;
    std::printf("  bench %s\n", section.name.c_str());
    std::fflush(stdout);
    section.measure(figures, section.share * seconds());
  }
  const auto directory = built("tests/bench");
  const char* how = getenv("BENCH");
  write_report(figures, directory, how != nullptr ? std::string("make bench BENCH=") + how : "make bench");
  int missed = 0;
  for (const auto& figure : figures) {
    if (!figure.limit || figure.limit->holds()) continue;
    const Limit& limit = *figure.limit;
    std::printf("  %s %s: %.3f (%.3f to %.3f), %s %.2f wanted\n", limit.exact ? "FAILED" : "missed", limit.what.c_str(),
                limit.measured.middle, limit.measured.low, limit.measured.high, limit.at_least ? "at least" : "at most",
                limit.bound);
    missed += limit.exact ? 1 : 0;
  }
  std::printf("  report in %s\n", (std::filesystem::path(directory) / "report.md").c_str());
  return missed == 0 ? 0 : 1;
}
