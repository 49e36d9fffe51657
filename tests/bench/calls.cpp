// What one call takes: each function on a live peer, and on a dead one; and whether it grows with what there is.
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "bench/sections.h"
#include "bench/variants.h"

namespace {

struct Cell {
  std::string table;
  std::string row;
  std::string order;           // to the load
  std::optional<double> most;  // ratio of the second variant to the one it is held against
  size_t against = 0;
};

// The variants make each cell one after the other, a few milliseconds each, round by round: the machine is now faster,
// now slower, and what is to be compared has to be near. Each turn has processes of its own: where their memory happens
// to lie is worth more than what is to be seen.
void measure(Figures& figures, const std::vector<Variant>& variants, const std::vector<Cell>& cells, int turns,
             double seconds, long milliseconds = 3) {
  const double runs = static_cast<double>(cells.size() * variants.size()) * turns;
  const int rounds =
      std::max(1, static_cast<int>(std::lround(seconds * 1000 / runs / static_cast<double>(milliseconds))));
  std::vector<std::vector<std::vector<double>>> taken(cells.size(), std::vector<std::vector<double>>(variants.size()));
  for (int turn = 0; turn < turns; ++turn) {
    std::vector<std::unique_ptr<Load>> loads;
    for (const auto& variant : variants) loads.push_back(std::make_unique<Load>(variant));
    for (size_t cell = 0; cell < cells.size(); ++cell)
      for (int round = 0; round < rounds; ++round)
        for (size_t i = 0; i < variants.size(); ++i) {
          const size_t variant = (i + static_cast<size_t>(turn + round)) % variants.size();
          taken[cell][variant].push_back(
              loads[variant]->ask(cells[cell].order + " time " + std::to_string(milliseconds)));
        }
  }
  for (size_t cell = 0; cell < cells.size(); ++cell)
    for (size_t variant = 0; variant < variants.size(); ++variant) {
      Figure figure{
          cells[cell].table, cells[cell].row, variants[variant].name, "ns", spread_of(taken[cell][variant]), {}, {}};
      if (variant > 0) figure.ratio = ratios(taken[cell][variant], taken[cell][0]);
      if (variant == 1 && cells[cell].most)
        figure.limit = Limit{cells[cell].table + ", " + cells[cell].row + ": " + figure.column + " / " +
                                 variants[cells[cell].against].name,
                             ratios(taken[cell][variant], taken[cell][cells[cell].against]), *cells[cell].most};
      figures.push_back(figure);
    }
}

std::string size_name(size_t size) {
  return size < 1024 ? std::to_string(size) + " B" : std::to_string(size / 1024) + " KiB";
}

constexpr size_t kSizes[] = {1, 64, 4096, 65536};

std::optional<double> limit_of(const std::string& call, const std::string& kind, size_t size) {
  if (call == "write" && kind == "tcp") return 1.00;
  if (call == "send" && kind == "tcp") return 1.02;
  if (call == "sendfile" && size >= 4096) return 1.02;
  if (call == "write" && kind == "file") return 1.02;
  return {};
}

void add_cells(std::vector<Cell>& cells, const std::string& table, const std::string& call, const std::string& kind) {
  for (const size_t size : kSizes)
    cells.push_back({table, call + " " + kind + " " + size_name(size), call + " " + kind + " " + std::to_string(size),
                     limit_of(call, kind, size)});
}

std::string log_file() { return built("tests/bench/bench.log"); }

Variant with_log(Variant variant) {
  variant.name += ", log";
  variant.start.env.push_back("NOSIGPIPE_LOG=" + log_file());
  return variant;
}

// An EPIPE has no bare variant: it would be the last.
void measure_epipe(Figures& figures, int turns, double seconds) {
  const std::string table = "One EPIPE";
  const std::vector<Variant> variants{
      ignored(), shim(), guarded_by("mask"), with_log(shim()), with_log(guarded_by("mask")), flag_only()};
  const size_t least = variants.size() - 1;
  std::vector<Cell> cells;
  for (const std::string kind : {"dead-tcp", "dead-unix"}) {
    for (const std::string call : {"write", "send"})
      cells.push_back({table, call + " " + kind + " (flag)", call + " " + kind + " 1", 1.02, least});
    for (const std::string call : {"writev", "sendfile"})
      cells.push_back({table, call + " " + kind + " (catch)", call + " " + kind + " 1", 5.0});
  }
  measure(figures, variants, cells, turns, seconds);
  unlink(log_file().c_str());
}

void add_fd(std::vector<Cell>& cells, rlim_t fd, const std::string& what) {
  const auto number = std::to_string(fd);
  cells.push_back({"Growth", "fd " + number + what, "write unix@" + number + " 1", {}});
}

rlim_t most_fds() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = 1'000'001;
  rlimit more{wanted, wanted};
  if (limit.rlim_max < wanted && prlimit(0, RLIMIT_NOFILE, &more, nullptr) == 0) {
    prlimit(0, RLIMIT_NOFILE, &limit, nullptr);
    return wanted;
  }
  return std::min(limit.rlim_max, wanted);
}

}  // namespace

void measure_calls(Figures& figures, double seconds) {
  std::vector<Cell> cells;
  for (const std::string kind : {"tcp", "unix"})
    for (const std::string call :
         {"write", "send", "send+flag", "sendto", "sendmsg", "sendmmsg", "writev", "pwritev2", "sendfile", "splice"})
      add_cells(cells, "Live sockets", call, kind);
  for (const std::string kind : {"file", "pipe", "null"}) add_cells(cells, "Files and pipes", "write", kind);
  const int turns = seconds > 100 ? 31 : 11;
  measure(figures, {bare(), shim(), guarded_by("mask"), textbook(), ignored()}, cells, turns, seconds * 0.85);
  measure_epipe(figures, turns, seconds * 0.15);
}

void measure_ends(Figures& figures, double seconds) {
  const std::string table = "The end of a child";
  measure(figures, {empty_library(), shim(), bare()},
          {{table, "fork, _exit, wait", "fork null 1", 1.10}, {table, "vfork, _exit, wait", "_exit null 1", 1.10}}, 11,
          seconds * 0.5, 20);
  // Nothing is averted.
  const std::string logged = "The end of a child, with a log";
  measure(figures, {shim(), with_log(shim()), shim("itself")},
          {{logged, "fork, _exit, wait", "fork null 4096", 1.02}, {logged, "fork, exec, wait", "exec null 4096", 1.02}},
          11, seconds * 0.5, 20);
}

void measure_growth(Figures& figures, double seconds) {
  const rlim_t fds = most_fds();
  std::vector<Cell> cells;
  const auto add = [&](const std::string& row, const std::string& order) {
    cells.push_back({"Growth", row, order, {}});
  };
  for (const rlim_t sockets : std::initializer_list<rlim_t>{1, 100, 1000, 10000}) {
    const rlim_t count = std::min(sockets, (fds - 200) / 2);
    add(std::to_string(count) + " sockets", "write unix*" + std::to_string(count) + " 1");
  }
  for (const int threads : {1, 4, 16, 64})
    add(std::to_string(threads) + " threads", "write/" + std::to_string(threads) + " unix 1");
  for (const rlim_t fd : std::initializer_list<rlim_t>{999, 9'999, fds - 1}) add_fd(cells, fd, "");
  measure(figures, {bare(), shim()}, cells, 11, seconds * 0.7, 20);
  cells.clear();
  for (const rlim_t fd : std::initializer_list<rlim_t>{999, 99'999, 999'999}) add_fd(cells, fd, ", the shim's part");
  measure(figures, {far(bare()), far(shim())}, cells, 11, seconds * 0.3, 20);
}
