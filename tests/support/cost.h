// What the shim costs, as far as it is the same on every run: instructions by callgrind, memory by the kernel's own
// account, and what the shared object is made of. For the tests and for the bench.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <set>
#include <stdexcept>

#include "support/directory.h"
#include "support/process.h"

namespace cost {

struct Cell {
  std::string call;
  std::string kind;  // of file, as bench/load calls it
};

constexpr long kCalls = 64;  // one batch of the load

// An EPIPE by flag, more than which no log asks for and no handler.
inline const std::vector<Cell> kEpipes{{"write", "dead-tcp"},   {"send", "dead-tcp"},    {"sendto", "dead-tcp"},
                                       {"sendmsg", "dead-tcp"}, {"write", "dead-unix"},  {"send", "dead-unix"},
                                       {"sendto", "dead-unix"}, {"sendmsg", "dead-unix"}};

// How many instructions one call is, from the program's loop to the kernel, for each cell. Callgrind counts what is
// done inside the load's make(), and each batch gives a file of its own. The first of each cell has what is done only
// once.
inline std::vector<double> instructions(const std::vector<Cell>& cells, Start start) {
  const Directory directory;
  std::string orders;
  for (const auto& [call, kind] : cells)
    for (int i = 0; i < 2; ++i) orders += call + " " + kind + " 1 times " + std::to_string(kCalls) + "\n";
  std::ofstream(directory / "orders") << orders;
  start.in = open((directory / "orders").c_str(), O_RDONLY | O_CLOEXEC);
  // Two patterns for the same function, because callgrind keeps one option for each.
  const Ending ending =
      run({"valgrind", "-q", "--tool=callgrind", "--callgrind-out-file=" + directory / "out",
           "--toggle-collect=*Work::make(*", "--dump-after=*::Work::make(*", built("tests/bench/load")},
          start, std::chrono::seconds(250));
  close(start.in);
  if (!ending.exited(0)) throw std::runtime_error("valgrind: " + ending.text() + "\n" + ending.err);
  std::vector<double> counts;
  for (size_t i = 1; i <= cells.size(); ++i) {
    const auto totals = matches(contents(directory / "out." + std::to_string(2 * i)), "\ntotals: ([0-9]+)");
    if (totals.size() != 1) throw std::runtime_error("callgrind has not counted " + cells[i - 1].call);
    counts.push_back(std::stod(totals[0]) / kCalls);
  }
  return counts;
}

// From the loader's first instruction to the end of true. There is nothing else in its environment.
inline long instructions_of_start(const std::string& preloaded) {
  const Directory directory;
  output_of({"env", "-i", "PATH=/usr/bin:/bin", "LD_PRELOAD=" + preloaded, "valgrind", "-q", "--tool=callgrind",
             "--callgrind-out-file=" + directory / "out", "true"});
  return std::stol(matches(contents(directory / "out"), "\ntotals: ([0-9]+)").at(0));
}

// KiB of memory that a process has for itself alone, after it has written to a socket: what smaps calls Anonymous, as
// Private_Dirty has the pages, too, of a library that was built a moment ago.
inline long private_dirty(const Start& how) {
  int input[2];
  int output[2];
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  Start start = how;
  start.in = input[0];
  start.out = output[1];
  const Process load({built("tests/bench/load")}, start);
  close(input[0]);
  close(output[1]);
  const std::string order = "write unix 1 times 64\n";
  char answer[64];
  if (write(input[1], order.data(), order.size()) < 0 || read(output[0], answer, sizeof answer) <= 0)
    throw std::runtime_error("the load has ended");
  long total = 0;
  for (const auto& kib : matches(contents("/proc/" + std::to_string(load.pid()) + "/smaps"), "Anonymous: +([0-9]+) kB"))
    total += std::stol(kib);
  close(input[1]);
  close(output[0]);
  return total;
}

// What it takes in memory as it stands: text, data and what relocations touch.
struct Shape {
  long bytes = 0;        // of the file, without debug information
  long relocations = 0;  // work for the loader at each start
  std::set<std::string> exports;
};

inline Shape shape_of(const std::string& library) {
  const Directory directory;
  const auto stripped = directory / "stripped.so";
  output_of({"strip", "-o", stripped, library});
  Shape shape;
  shape.bytes = static_cast<long>(std::filesystem::file_size(stripped));
  for (const auto& count : matches(output_of({"readelf", "-rW", library}), "contains ([0-9]+) entr"))
    shape.relocations += std::stol(count);
  const auto symbols = output_of({"nm", "-D", "--defined-only", "--format=posix", library});
  for (const auto& line : lines_of(symbols)) shape.exports.insert(line.substr(0, line.find(' ')));
  return shape;
}

// System calls that a program makes between being started and its end.
inline long calls_of_true(const std::string& preloaded) {
  const Directory directory;
  output_of({"strace", "-o", directory / "trace", "-E", "LD_PRELOAD=" + preloaded, "true"});
  return static_cast<long>(lines_of(contents(directory / "trace")).size());
}

}  // namespace cost
