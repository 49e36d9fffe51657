// The start of a program: the shortest there is, and one with a hundred shared objects. Each is started in each way in
// turn: a start is a millisecond, and the machine is slower a second later.
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>

#include "bench/sections.h"
#include "bench/variants.h"

namespace {

// Microseconds to its end. The program has no other variables: each costs the loader something.
double start_of(const std::string& program, const std::string& preloaded) {
  std::string preload = "LD_PRELOAD=" + preloaded;
  std::string path = program;
  char* argv[] = {path.data(), nullptr};
  char* env[] = {preload.data(), nullptr};
  pid_t child = 0;
  int status = 0;
  const auto begin = std::chrono::steady_clock::now();
  if (posix_spawn(&child, program.c_str(), nullptr, nullptr, argv, env) != 0 || waitpid(child, &status, 0) != child ||
      status != 0)
    throw std::runtime_error("cannot start " + program);
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

void measure_start(Figures& figures, double seconds) {
  const std::pair<std::string, std::string> programs[] = {{"true", "/bin/true"},
                                                          {"100 shared objects", built("tests/bench/hundred")}};
  const Strings names{"empty library", "shim", "bare"};
  const Strings preloaded{built("tests/bench/libempty.so"), built("libnosigpipe.so"), ""};
  for (const auto& [name, program] : programs) {
    std::vector<std::vector<double>> taken(names.size());
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds / 2);
    for (size_t round = 0; std::chrono::steady_clock::now() < end; ++round)
      for (size_t i = 0; i < names.size(); ++i) {
        const size_t way = (i + round) % names.size();
        taken[way].push_back(start_of(program, preloaded[way]));
      }
    for (size_t way = 0; way < names.size(); ++way) {
      Figure figure{"Start to end", name, names[way], "us", spread_of(taken[way]), {}, {}};
      if (way > 0) figure.ratio = ratios(taken[way], taken[0]);
      if (name == "true" && names[way] == "shim")
        figure.limit = Limit{"start of true: shim / empty library", *figure.ratio, 1.10};
      figures.push_back(figure);
    }
  }
}
