// The report for people.
#include <algorithm>
#include <cctype>

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

std::string location(const Entry& entry, std::size_t room) {
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
  std::size_t before_name() const { return 2 + count + 1 + kBar + 2 + 6 + 2 + kills + 2 + (call > 0 ? call + 2 : 0); }
};

Columns columns_for(const Results& results, std::size_t rows, const Sum& others) {
  Columns columns;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto& entry = results.entries[i];
    columns.count = std::max(columns.count, grouped(entry.count).size());
    columns.kills = std::max(columns.kills, grouped(entry.kills).size());
    columns.call = std::clamp(entry.call.size(), columns.call, std::size_t{12});
  }
  columns.count = std::max(columns.count, grouped(others.count).size());
  columns.kills = std::max(columns.kills, grouped(others.kills).size());
  if (results.tally.by() != By::site) columns.call = 0;
  return columns;
}

std::string row(const Sum& sum, const std::string& call, const std::string& what, const Columns& columns,
                const Results& results, const Painter& paint, const Screen& screen) {
  const auto kills = right(grouped(sum.kills), columns.kills);
  return "  " + right(grouped(sum.count), columns.count) + " " + bar(sum.count, results.total(), kBar, screen) + "  " +
         right(percentage(sum.count, results.total()), 6) + "  " + (sum.kills > 0 ? paint.red(kills) : kills) + "  " +
         (columns.call > 0 ? left(printable(call, columns.call), columns.call) + "  " : "") +
         paint.bold(paint.cut(what, columns.before_name())) + "\n";
}

std::string rows(const Results& results, const Painter& paint, const Screen& screen) {
  const std::size_t number = results.shown(10);
  const auto others = results.others(number);
  const auto columns = columns_for(results, number, others);
  const By by = results.tally.by();
  const std::string indent(2 + columns.count + 1, ' ');
  std::string head(name_of(by));
  std::ranges::transform(head, head.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string text = paint.dim("  " + right("COUNT", columns.count) + std::string(kBar + 3, ' ') + " SHARE  " +
                               right("DEADLY", columns.kills) + "  " +
                               (columns.call > 0 ? left("CALL", columns.call) + "  " : "") + head) +
                     "\n";
  const std::size_t room = screen.width == 0 ? 4096 : screen.width - std::min(screen.width, columns.before_name());
  for (std::size_t i = 0; i < number; ++i) {
    const auto& entry = results.entries[i];
    const auto what = by == By::site ? location(entry, room) : printable(entry.name);
    text += row(entry, entry.call, what, columns, results, paint, screen);
    text += indent + paint.dim(paint.cut(joined(details(entry, by)), indent.size())) + "\n";
  }
  if (others.rows > 0)
    text += row(others, "", "others: " + plural(others.rows, "row", "rows"), columns, results, paint, screen);
  return text;
}

}  // namespace

std::string as_table(const Results& results, const Screen& screen) {
  const Painter paint(screen);
  std::string text = paint.bold(summary(results)) + "\n";
  if (results.total() > 0) {
    text += "\n" + rows(results, paint, screen);
    text += "\n" + drawn(results.tally.timeline(), screen);
  }
  const auto all = remarks(results);
  if (!all.empty()) text += "\n";
  for (const auto& remark : all) text += remark + "\n";
  return text;
}

}  // namespace report
