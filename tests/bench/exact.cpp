// What is the same however busy the machine is: system calls, instructions, the shared object's shape, memory.
#include "bench/sections.h"
#include "bench/variants.h"
#include "support/cost.h"
#include "support/tracer.h"

namespace {

const std::vector<cost::Cell> kCells{
    {"write", "tcp"},    {"send", "tcp"},      {"send+flag", "tcp"}, {"sendto", "tcp"},   {"sendmsg", "tcp"},
    {"sendmmsg", "tcp"}, {"writev", "tcp"},    {"pwritev2", "tcp"},  {"sendfile", "tcp"}, {"splice", "tcp"},
    {"write", "unix"},   {"send", "unix"},     {"sendto", "unix"},   {"sendmsg", "unix"}, {"sendmmsg", "unix"},
    {"writev", "unix"},  {"pwritev2", "unix"}, {"sendfile", "unix"}, {"splice", "unix"},  {"write", "file"},
    {"writev", "file"},  {"sendfile", "file"}, {"write", "pipe"},    {"writev", "pipe"},  {"splice", "pipe"},
    {"tee", "pipe"},     {"vmsplice", "pipe"}, {"write", "null"}};

bool in_textbook(const cost::Cell& cell) { return cell.call != "tee" && cell.call != "vmsplice"; }

// Counted by strace -c from the moment when the load waits for this order to its end.
double system_calls_of(const Variant& variant, const cost::Cell& cell, long count) {
  const auto order = [&](long times) { return cell.call + " " + cell.kind + " 1 times " + std::to_string(times); };
  Load load(variant);
  load.ask(order(1));  // what is done only once
  // Its own attaching makes the read that waits for the order be counted once more, or not.
  Tracer strace(load.pid(), {"-c", "-e", "trace=!read,restart_syscall"});
  load.ask(order(count));
  load.end();
  const auto counts = strace.trace();
  // The last line: a percentage, seconds, microseconds for each, calls, errors, "total".
  const auto totals = matches(counts, "\n *[0-9.]+ +[0-9.]+ +[0-9]+ +([0-9]+) [^\n]*total");
  if (totals.size() != 1) throw std::runtime_error("strace -c has not counted " + cell.call + ": " + counts);
  return std::stod(totals[0]);
}

// What the load does for itself is the same, however many calls it makes at once.
double system_calls(const Variant& variant, const cost::Cell& cell) {
  return (system_calls_of(variant, cell, 33) - system_calls_of(variant, cell, 1)) / 32;
}

}  // namespace

void measure_exact(Figures& figures) {
  const std::vector<Variant> variants{bare(), shim(), attached(), guarded_by("mask"), textbook(), ignored()};
  std::vector<std::vector<double>> counts;
  for (const auto& variant : variants) {
    Start start = variant.start;
    start.ignore_sigpipe = variant.name == ignored().name;
    counts.push_back(cost::instructions(kCells, start));
  }
  for (size_t i = 0; i < kCells.size(); ++i) {
    const auto row = kCells[i].call + " " + kCells[i].kind;
    const bool on_socket = kCells[i].kind == "tcp" || kCells[i].kind == "unix";
    for (size_t v = 0; v < variants.size(); ++v) {
      Figure figure{
          "Instructions added to a call", row, variants[v].name, "", exactly(counts[v][i] - counts[0][i]), {}, {}};
      if (v == 0) figure.value = exactly(counts[0][i]);
      if (variants[v].name == "shim")
        figure.limit = Limit{"instructions added, " + row, figure.value,
                             kCells[i].call == "write" && on_socket ? 60.0 : 30.0, false, true};
      figures.push_back(figure);
    }
  }
  const auto epipes = cost::instructions(cost::kEpipes, ignoring_sigpipe());
  const auto averted = cost::instructions(cost::kEpipes, shim().start);
  for (size_t i = 0; i < cost::kEpipes.size(); ++i) {
    const auto row = cost::kEpipes[i].call + " " + cost::kEpipes[i].kind;
    const std::string table = "Instructions added to an EPIPE";
    figures.push_back({table, row, ignored().name, "", exactly(epipes[i]), {}, {}});
    figures.push_back({table, row, "shim", "", exactly(averted[i] - epipes[i]), {}, {}});
  }
  for (const auto& cell : kCells) {
    double base = 0;
    for (const auto& variant : variants) {
      if (variant.name == textbook().name && !in_textbook(cell)) continue;
      const double calls = system_calls(variant, cell);
      const bool first = variant.name == "bare";
      if (first) base = calls;
      Figure figure{"System calls added to a call",
                    cell.call + " " + cell.kind,
                    variant.name,
                    "",
                    exactly(first ? calls : calls - base),
                    {},
                    {}};
      if (variant.name == "shim")
        figure.limit = Limit{"system calls added, " + figure.row, figure.value, 0, false, true};
      figures.push_back(figure);
    }
  }
  const auto library = built("libnosigpipe.so");
  const auto shape = cost::shape_of(library);
  const auto add = [&](const std::string& row, double value, const std::string& unit, std::optional<double> most) {
    Figure figure{"The shim itself", row, "shim", unit, exactly(value), {}, {}};
    if (most) figure.limit = Limit{row, figure.value, *most, false, true};
    figures.push_back(figure);
  };
  add("system calls added to the start of true",
      static_cast<double>(cost::calls_of_true(library) - cost::calls_of_true("")), "", 15);
  add("private dirty memory added to a process",
      static_cast<double>(cost::private_dirty(with_shim()) - cost::private_dirty({})), "KiB", 32);
  add("size without debug information", static_cast<double>(shape.bytes), "bytes", {});
  add("relocations", static_cast<double>(shape.relocations), "", {});
  add("exported functions", static_cast<double>(shape.exports.size()), "", {});
}
