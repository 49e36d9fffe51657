// The start of a program: the shortest there is, and one with a hundred shared objects; and the shortest by the
// launcher and with /etc/nosigpipe.conf. Each is started in each way in turn: a start is a millisecond, and the machine
// is slower a second later.
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>

#include "bench/sections.h"
#include "bench/variants.h"
#include "support/directory.h"

namespace {

// Microseconds to its end. The program has no other variables: each costs the loader something.
double start_of(Strings command, Strings variables) {
  const auto pointers = [](Strings& words) {
    std::vector<char*> list;
    for (auto& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    return list;
  };
  const auto& program = command[0];
  auto argv = pointers(command);
  auto env = pointers(variables);
  pid_t child = 0;
  int status = 0;
  const auto begin = std::chrono::steady_clock::now();
  if (posix_spawn(&child, program.c_str(), nullptr, nullptr, argv.data(), env.data()) != 0 ||
      waitpid(child, &status, 0) != child || status != 0)
    throw std::runtime_error("cannot start " + program);
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}

// A launcher that is a shell script costs a shell, and what it asks.
void measure_launcher(Figures& figures, double seconds) {
  const std::pair<std::string, Strings> ways[] = {{"plain", {"/bin/true"}},
                                                  {"env(1)", {"/usr/bin/env", "true"}},
                                                  {"sh -c exec", {"/bin/sh", "-c", "exec true"}},
                                                  {"nosigpipe", {built("nosigpipe"), "true"}}};
  std::vector<std::vector<double>> taken(std::size(ways));
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (size_t round = 0; std::chrono::steady_clock::now() < end; ++round)
    for (size_t i = 0; i < std::size(ways); ++i) {
      const size_t way = (i + round) % std::size(ways);
      taken[way].push_back(start_of(ways[way].second, {"PATH=/usr/bin:/bin"}));
    }
  for (size_t way = 0; way < std::size(ways); ++way) {
    Figure figure{"Start to end", "true by the launcher", ways[way].first, "us", spread_of(taken[way]), {}, {}};
    if (way > 0) figure.ratio = ratios(taken[way], taken[0]);
    figures.push_back(figure);
  }
}

// Read at each start under the shim: an overlay puts it over /etc, in a mount namespace of the bench's own.
void measure_machine_file(Figures& figures, double seconds) {
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
  const Directory over[2];
  for (const auto& directory : over) std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  std::ofstream(over[1] / "nosigpipe.conf") << "NOSIGPIPE_LOG=none\n";
  std::vector<double> taken[2];
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (size_t round = 0; std::chrono::steady_clock::now() < end; ++round)
    for (size_t i = 0; i < 2; ++i) {
      const size_t way = (i + round) % 2;
      const auto layers = "lowerdir=" + over[way].path() + ":/etc";
      if (mount("overlay", "/etc", "overlay", 0, layers.c_str()) != 0) return;
      taken[way].push_back(start_of({"/bin/true"}, {"LD_PRELOAD=" + built("libnosigpipe.so")}));
      umount2("/etc", MNT_DETACH);
    }
  const Strings names{"without /etc/nosigpipe.conf", "with /etc/nosigpipe.conf"};
  for (size_t way = 0; way < names.size(); ++way) {
    Figure figure{"Start to end", "true with the machine's file", names[way], "us", spread_of(taken[way]), {}, {}};
    if (way > 0) figure.ratio = ratios(taken[way], taken[0]);
    figures.push_back(figure);
  }
}

}  // namespace

void measure_start(Figures& figures, double seconds) {
  const std::pair<std::string, std::string> programs[] = {{"true", "/bin/true"},
                                                          {"100 shared objects", built("tests/bench/hundred")}};
  const Strings names{"empty library", "shim", "bare"};
  const Strings preloaded{built("tests/bench/libempty.so"), built("libnosigpipe.so"), ""};
  for (const auto& [name, program] : programs) {
    std::vector<std::vector<double>> taken(names.size());
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds / 4);
    for (size_t round = 0; std::chrono::steady_clock::now() < end; ++round)
      for (size_t i = 0; i < names.size(); ++i) {
        const size_t way = (i + round) % names.size();
        taken[way].push_back(start_of({program}, {"LD_PRELOAD=" + preloaded[way]}));
      }
    for (size_t way = 0; way < names.size(); ++way) {
      Figure figure{"Start to end", name, names[way], "us", spread_of(taken[way]), {}, {}};
      if (way > 0) figure.ratio = ratios(taken[way], taken[0]);
      if (name == "true" && names[way] == "shim")
        figure.limit = Limit{"start of true: shim / empty library", *figure.ratio, 1.10};
      figures.push_back(figure);
    }
  }
  measure_launcher(figures, seconds / 4);
  measure_machine_file(figures, seconds / 4);
}
