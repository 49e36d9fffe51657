// The part of the table about what was not averted: what has killed, and what the program's own handlers have met.
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "report/location.h"
#include "report/painter.h"
#include "report/results.h"

namespace report {
namespace {

std::vector<std::string> details(const PassedEntry& entry, std::size_t room) {
  const auto& [row, where] = entry;
  std::vector<std::string> pieces;
  if (!row.from.empty())
    pieces.push_back((row.kind == "fifo" ? "" : "from ") + tools::printable(row.from) +
                     (row.from_others ? " and others;" : ";"));
  if (!row.site.empty()) pieces.push_back(location(where, room - 1) + (row.elsewhere ? " and elsewhere;" : ";"));
  if (!where.note.empty()) pieces.push_back(where.note + ";");
  pieces.push_back(times(row));
  return pieces;
}

struct Section {
  const std::vector<PassedEntry>& entries;
  Sum others;  // that are in no entry
  const char* heading;
  bool is_red;
};

std::string text_of(const Section& section, const Results& results, const Screen& screen) {
  if (section.entries.empty()) return {};
  const Painter paint(screen);
  const auto top = results.options.top.value_or(10);
  const auto number = top == 0 ? section.entries.size() : std::min(top, section.entries.size());
  const std::span shown = std::span(section.entries).first(number);
  Sum others = section.others;
  for (const auto& entry : std::span(section.entries).subspan(number)) others.add(entry.row);

  std::size_t count = std::max<std::size_t>(5, tools::grouped(others.count).size()), call = 4, kind = 6;
  for (const auto& [row, where] : shown) {
    count = std::max(count, tools::grouped(row.count).size());
    call = std::clamp(row.call.size(), call, std::size_t{14});
    kind = std::clamp(row.kind.size(), kind, std::size_t{10});
  }
  const std::string indent(2 + count + 2, ' ');
  const auto before_name = indent.size() + call + 2 + kind + 2;
  std::string text = "\n" + paint.bold(section.heading) + "\n";
  for (const auto& entry : shown) {
    const auto& row = entry.row;
    const auto times = right(tools::grouped(row.count), count);
    text += "  " + (section.is_red ? paint.red(times) : times) + "  " + left(tools::printable(row.call, call), call) +
            "  " + left(tools::printable(row.kind, kind), kind) + "  " +
            paint.bold(paint.cut(row.exe.empty() ? "unknown" : tools::printable(row.exe), before_name)) + "\n";
    const std::size_t room = screen.width == 0 ? 4096 : screen.width - std::min(screen.width, indent.size());
    text += paint.wrapped(details(entry, room), indent);
    if (const auto frames = chain(entry.where); !frames.empty()) text += paint.wrapped(frames, indent);
  }
  if (others.count > 0) text += "  " + right(tools::grouped(others.count), count) + "  others\n";
  return text;
}

}  // namespace

std::string killed_and_handled(const Results& results, const Screen& screen) {
  const auto& tally = results.tally;
  return text_of({results.killed, tally.killed().others(), "Killed by:", true}, results, screen) +
         text_of({results.handled, tally.handled().others(), "Handled by the program:", false}, results, screen);
}

}  // namespace report
