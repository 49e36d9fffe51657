// The report for people.
#include <algorithm>

#include "report/display.h"
#include "report/results.h"

namespace report {
namespace {

constexpr std::size_t kBar = 10;

class Painter {
 public:
  explicit Painter(const Screen& screen) : screen_(screen) {}
  std::string bold(const std::string& text) const { return painted("1", text); }
  std::string dim(const std::string& text) const { return painted("2", text); }
  std::string red(const std::string& text) const { return painted("31", text); }

  // As much of the text as there is room for behind `used` columns.
  std::string cut(const std::string& text, std::size_t used) const {
    if (screen_.width == 0 || used + text.size() <= screen_.width) return text;
    const std::size_t room = screen_.width > used + 3 ? screen_.width - used - 3 : 0;
    return text.substr(0, room) + "...";
  }

 private:
  std::string painted(const char* how, const std::string& text) const {
    return screen_.color && !text.empty() ? "\033[" + std::string(how) + "m" + text + "\033[0m" : text;
  }
  const Screen& screen_;
};

std::string left(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, text.size()), ' ');
}
std::string right(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string place(const Entry& entry, std::size_t room) {
  const std::string function = printable(entry.function.empty() ? address_of(entry) : entry.function);
  if (entry.source.empty()) return function;
  const std::size_t used = function.size() + 2;
  const std::string source =
      printable(entry.source, room > used + 20 ? room - used : std::max<std::size_t>(20, room / 2));
  return function + "  " + source;
}

std::string times(const Sum& sum) {
  const auto first = for_people(sum.first);
  const auto last = for_people(sum.last);
  if (first == last) return first;
  return first + " to " + (first.substr(0, 10) == last.substr(0, 10) ? last.substr(11) : last);
}

std::string peers(const Entry& entry) {
  std::string text;
  for (const auto& peer : entry.peers.top(3))
    text += (text.empty() ? "peers " : ", ") + printable(peer.name, 45) + " (" + grouped(peer.at_least()) + ")";
  return text;
}

// What stands below a row, as items.
std::vector<std::string> details(const Entry& entry, By by) {
  std::vector<std::string> items;
  if (!entry.note.empty()) items.push_back(entry.note);
  if (by == By::site) {
    const auto& file = entry.module.empty() ? entry.exe : entry.module;
    if (!file.empty()) items.push_back("in " + printable(file));
    if (!entry.via.empty()) items.push_back("through " + printable(entry.via));
    if (!entry.exe.empty() && entry.exe != file) items.push_back("of " + printable(entry.exe));
  }
  items.push_back(times(entry));
  if (by != By::peer && !peers(entry).empty()) items.push_back(peers(entry));
  return items;
}

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : "; ") + item;
  return text;
}

// The widths of the columns that have one.
struct Columns {
  std::size_t count = 5, kills = 6, call = 4;
  std::size_t before_place() const { return 2 + count + 1 + kBar + 2 + 6 + 2 + kills + 2 + (call > 0 ? call + 2 : 0); }
};

Columns columns_for(const Findings& findings, std::size_t rows, const Sum& rest) {
  Columns columns;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto& entry = findings.entries[i];
    columns.count = std::max(columns.count, grouped(entry.count).size());
    columns.kills = std::max(columns.kills, grouped(entry.kills).size());
    columns.call = std::clamp(entry.call.size(), columns.call, std::size_t{12});
  }
  columns.count = std::max(columns.count, grouped(rest.count).size());
  columns.kills = std::max(columns.kills, grouped(rest.kills).size());
  if (findings.tally.by() != By::site) columns.call = 0;
  return columns;
}

std::string row(const Sum& sum, const std::string& call, const std::string& what, const Columns& columns,
                const Findings& findings, const Painter& paint, const Screen& screen) {
  const auto kills = right(grouped(sum.kills), columns.kills);
  return "  " + right(grouped(sum.count), columns.count) + " " + bar(sum.count, findings.total(), kBar, screen) + "  " +
         right(share(sum.count, findings.total()), 6) + "  " + (sum.kills > 0 ? paint.red(kills) : kills) + "  " +
         (columns.call > 0 ? left(printable(call, columns.call), columns.call) + "  " : "") +
         paint.bold(paint.cut(what, columns.before_place())) + "\n";
}

std::string rows(const Findings& findings, const Painter& paint, const Screen& screen) {
  const std::size_t number = findings.shown(10);
  Sum rest = findings.tally.others();
  for (std::size_t i = number; i < findings.entries.size(); ++i) rest.add(findings.entries[i]);
  const auto in_rest = findings.tally.rows_in_others() + (findings.entries.size() - number);
  const auto columns = columns_for(findings, number, rest);
  const By by = findings.tally.by();
  const std::string indent(2 + columns.count + 1, ' ');
  std::string head = kByNames[static_cast<std::size_t>(by)];
  for (char& c : head) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string text = paint.dim("  " + right("COUNT", columns.count) + std::string(kBar + 3, ' ') + " SHARE  " +
                               right("DEADLY", columns.kills) + "  " +
                               (columns.call > 0 ? left("CALL", columns.call) + "  " : "") + head) +
                     "\n";
  const std::size_t room = screen.width == 0 ? 4096 : screen.width - std::min(screen.width, columns.before_place());
  for (std::size_t i = 0; i < number; ++i) {
    const auto& entry = findings.entries[i];
    const auto what = by == By::site ? place(entry, room) : printable(entry.name);
    text += row(entry, entry.call, what, columns, findings, paint, screen);
    text += indent + paint.dim(paint.cut(joined(details(entry, by)), indent.size())) + "\n";
  }
  if (in_rest > 0) text += row(rest, "", "others: " + plural(in_rest, "row", "rows"), columns, findings, paint, screen);
  return text;
}

}  // namespace

std::string as_table(const Findings& findings, const Screen& screen) {
  const Painter paint(screen);
  std::string text = paint.bold(summary(findings)) + "\n";
  if (findings.total() > 0) {
    text += "\n" + rows(findings, paint, screen);
    text += "\n" + drawn(findings.tally.timeline(), screen);
  }
  const auto all = remarks(findings);
  if (!all.empty()) text += "\n";
  for (const auto& remark : all) text += remark + "\n";
  return text;
}

}  // namespace report
