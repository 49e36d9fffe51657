// Random programs, each with a log: all that they meet is in it, at its place, and nothing else is changed for them.
//
// In the environment: SEED is that of the first program (default 1), PROGRAMS how many there are (default 100).
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "support/expect.h"
#include "support/log_lines.h"
#include "support/victims.h"

namespace {

using Counts = std::map<std::string, long>;

struct Function {
  unsigned long begin, end;
  std::string name;
};

// The victim's writes and their callers.
std::vector<Function> functions_of(const std::string& program) {
  std::vector<Function> functions;
  std::istringstream symbols(output_of({"nm", "-S", "--defined-only", program}));
  for (std::string line; std::getline(symbols, line);) {
    std::istringstream words(line);
    std::string begin, size, kind, name;
    words >> begin >> size >> kind >> name;
    if (!name.starts_with("puts_by_") && !name.starts_with("way_")) continue;
    const auto first = std::stoul(begin, nullptr, 16);
    functions.push_back({first, first + std::stoul(size, nullptr, 16), name});
  }
  REQUIRE(functions.size() == 9);
  return functions;
}

// Those of them that a line's stack leads through, from the write up.
std::string place_of(const Line& line, const std::string& program) {
  static const auto functions = functions_of(program);
  std::string place;
  std::istringstream frames(line.text("stack"));
  for (std::string frame; std::getline(frames, frame, ';');) {
    const auto plus = frame.rfind('+');
    if (frame.substr(0, plus) != program) continue;
    const auto address = std::stoul(frame.substr(plus + 1), nullptr, 16) - 1;
    for (const auto& function : functions)
      if (address >= function.begin && address < function.end) place += (place.empty() ? "" : " ") + function.name;
  }
  return place;
}

struct Truth {
  Counts places;  // "met" or "died", and the place
  long ignored = 0;
  bool is_short = false;
};

Truth truth_in(const std::string& said) {
  Truth truth;
  for (const auto& line : lines_of(said)) {
    std::istringstream words(line);
    std::string what, place;
    long times = 0;
    words >> what >> times;
    std::getline(words >> std::ws, place);
    if (what == "met" || what == "died") truth.places[what + " " + place] += times;
    if (what == "ignored") truth.ignored += times;
    if (what == "short") truth.is_short = true;
  }
  return truth;
}

// By the write alone: what was met while no descriptor was free has no callers.
Counts without_callers(const Counts& places) {
  Counts writes;
  for (const auto& [place, times] : places) writes[place.substr(0, place.find(" way_"))] += times;
  return writes;
}

std::string text_of(const Counts& counts) {
  std::string text;
  for (const auto& [place, times] : counts) text += std::to_string(times) + " " + place + "\n";
  return text;
}

// The lines of several processes come in any order.
Strings sorted_lines(const std::string& text) {
  auto lines = lines_of(text);
  std::sort(lines.begin(), lines.end());
  return lines;
}

void is_told_truly(unsigned long seed) {
  const Directory directory;
  const auto log = directory / "log";
  const auto program = built("tests/victims/random_victim");
  const Strings words{program, std::to_string(seed), directory / "prison"};
  std::filesystem::create_directory(directory / "prison");
  const auto oracle = run(words, ignoring_sigpipe());
  REQUIRE(oracle.exited(0));
  const std::string guards[] = {"auto", "mask", "catch"}, intervals[] = {"0", "1000", "3600000"};
  const Strings setting{"NOSIGPIPE_LOG=" + log, "NOSIGPIPE_GUARD=" + guards[seed % 3],
                        "NOSIGPIPE_INTERVAL=" + intervals[seed / 3 % 3]};
  const auto ending = run(words, with_shim(setting));
  INFO("SEED=" << seed << " PROGRAMS=1, " << setting[1] << " " << setting[2] << "\n" << oracle.out << ending.err);
  CHECK(ending.text() == oracle.text());
  CHECK(sorted_lines(ending.out) == sorted_lines(oracle.out));
  const auto truth = truth_in(oracle.out);
  Counts told;
  long kills = 0, all = 0;
  if (std::filesystem::exists(log))
    for (const auto& line : parsed(contents(log))) {
      const auto times = line.number("count");
      if (times == 0) continue;  // a total of what has been told already
      told[(line["event"] == "passed" ? "died " : "met ") + place_of(line, program)] += times;
      all += times;
      kills += line.number("kills");
    }
  if (truth.is_short)
    CHECK(text_of(without_callers(told)) == text_of(without_callers(truth.places)));
  else
    CHECK(text_of(told) == text_of(truth.places));
  CHECK(all - kills == truth.ignored);
}

unsigned long given(const char* name, unsigned long usual) {
  const char* value = std::getenv(name);
  return value == nullptr ? usual : std::strtoul(value, nullptr, 10);
}

}  // namespace

TEST_CASE("all that random programs meet is in their logs, at its place, and nothing else is changed for them") {
  const auto first = given("SEED", 1), programs = given("PROGRAMS", 100);
  for (auto seed = first; seed < first + programs; ++seed) is_told_truly(seed);
}
