// For how long the thread that nosigpipe-attach takes stands still, as its line says: in each program in turn, each
// time one that has just been started.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <regex>
#include <stdexcept>

#include "bench/sections.h"
#include "support/directory.h"
#include "support/process.h"

namespace {

// Which would have SIGPIPE ignored.
constexpr const char* kPython =
    "import signal, time; signal.signal(signal.SIGPIPE, signal.SIG_DFL); print('ready', flush=True); time.sleep(1000)";

// The program says "ready" before it sleeps.
double stopped_ms(const Strings& program) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  Start start;
  start.out = ends[1];
  const Process process(program, start);
  close(ends[1]);
  std::array<char, 64> said{};
  if (read(ends[0], said.data(), said.size()) <= 0) throw std::runtime_error(program[0] + " does not start");
  const auto line = output_of({built("nosigpipe-attach"), std::to_string(process.pid())});
  close(ends[0]);
  std::smatch found;
  if (!std::regex_search(line, found, std::regex("stopped for ([0-9.]+) ms"))) throw std::runtime_error(line);
  return std::stod(found[1]);
}

}  // namespace

void measure_stops(Figures& figures, double seconds) {
  const auto victim = built("tests/victims/attached");
  const Directory directory;
  output_of({"g++", "-pthread", "-static", "-o", directory / "static", victim + ".o"});
  const std::pair<std::string, Strings> programs[] = {
      {"C, in epoll_wait", {victim, "epoll_wait"}},
      {"C, 64 threads", {victim, "epoll_wait", "futex=63"}},
      {"C, 4 threads that allocate all the time", {victim, "epoll_wait", "malloc=4"}},
      {"Python", {"/usr/bin/python3", "-c", kPython}},
      {"Perl", {"/usr/bin/perl", "-e", "$| = 1; print qq(ready\\n); sleep 1000"}},
      {"C, static", {directory / "static", "epoll_wait"}}};
  std::vector<std::vector<double>> taken(std::size(programs));
  constexpr std::size_t kLeast = 3;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (std::size_t round = 0; round < kLeast || std::chrono::steady_clock::now() < end; ++round)
    for (std::size_t i = 0; i < std::size(programs); ++i) taken[i].push_back(stopped_ms(programs[i].second));
  for (std::size_t i = 0; i < std::size(programs); ++i) {
    const auto [least, most] = std::ranges::minmax(taken[i]);
    const std::pair<const char*, double> columns[] = {
        {"least", least}, {"median", spread_of(taken[i]).middle}, {"most", most}};
    for (const auto& [column, value] : columns)
      figures.push_back({"One thread stopped by nosigpipe-attach, " + std::to_string(taken[i].size()) + " times each",
                         programs[i].first,
                         column,
                         "ms",
                         exactly(value),
                         {},
                         {}});
  }
}
