// The report for people.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "report/location.h"
#include "report/painter.h"
#include "report/results.h"
#include "tools/display.h"

namespace report {
namespace {

std::string peers(const Entry& entry) {
  std::string text;
  for (const auto& peer : entry.peers.top(3))
    text += (text.empty() ? "peers " : ", ") + tools::printable(peer.name, 45) + " (" +
            tools::grouped(peer.at_least()) + ")";
  return text;
}

// What stands below a row, as items: first what the row itself does not say, since the end may be cut.
std::vector<std::string> details(const Entry& entry, By by) {
  std::vector<std::string> items{times(entry)};
  if (by != By::peer && !peers(entry).empty()) items.push_back(peers(entry));
  if (!entry.note.empty()) items.push_back(entry.note);
  if (by == By::site) {
    const auto& file = entry.place.module;
    if (!file.empty()) items.push_back("in " + tools::printable(file));
    if (!entry.via.empty()) items.push_back("through " + tools::printable(entry.via));
    if (!entry.exe.empty() && entry.exe != file) items.push_back("of " + tools::printable(entry.exe));
  }
  return items;
}

std::string joined(const std::vector<std::string>& items, const char* separator) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : separator) + item;
  return text;
}

// The rows below one another: a bar, numbers, the name, and under it what else is known, in as many columns as the
// numbers and the calls need.
class Rows {
 public:
  Rows(const Results& results, const Painter& paint, const Screen& screen)
      : results_(results),
        paint_(paint),
        screen_(screen),
        by_(results.tally.by()),
        shown_(std::span(results.entries).first(results.shown(10))),
        others_(results.others(shown_.size())) {
    for (const auto& entry : shown_) {
      widen_for(entry);
      call_width_ = std::clamp(entry.call.size(), call_width_, std::size_t{12});
    }
    widen_for(others_);
    if (by_ != By::site)
      call_width_ = 0;
    else if (std::ranges::any_of(shown_,
                                 [&](const Entry& entry) { return narrowest_location(entry) > room(before_name()); }))
      bar_width_ = 0;
  }

  std::string text() const {
    const std::string indent(2 + count_width_ + 1, ' ');
    std::string text = paint_.dim(heading()) + "\n";
    for (const auto& entry : shown_) {
      text += by_ == By::site ? site(entry, indent)
                              : row(entry, entry.call, paint_.cut(tools::printable(entry.name), before_name()));
      if (const auto frames = chain(entry); !frames.empty()) text += paint_.wrapped(frames, indent);
      text += indent + paint_.dim(paint_.cut(joined(details(entry, by_), "; "), indent.size())) + "\n";
    }
    if (others_.rows > 0) text += row(others_, "", "others: " + tools::plural(others_.rows, "row", "rows"));
    return text;
  }

 private:
  std::size_t room(std::size_t used) const {
    return screen_.width == 0 ? 4096 : screen_.width - std::min(screen_.width, used);
  }

  // Where there is too little room behind the numbers the place has a line of its own.
  std::string site(const Entry& entry, const std::string& indent) const {
    if (narrowest_location(entry) <= room(before_name()))
      return row(entry, entry.call, location(entry, room(before_name())));
    return row(entry, entry.call, "") + indent + paint_.bold(location(entry, room(indent.size()))) + "\n";
  }

  void widen_for(const Sum& sum) {
    count_width_ = std::max(count_width_, tools::grouped(sum.count).size());
    kills_width_ = std::max(kills_width_, tools::grouped(sum.kills).size());
  }

  std::string call_column(const std::string& call) const {
    return call_width_ > 0 ? left(call, call_width_) + "  " : "";
  }
  std::size_t before_name() const {
    return 2 + count_width_ + 1 + bar_width_ + (bar_width_ > 0 ? 2 : 1) + 6 + 2 + kills_width_ + 2 +
           call_column("").size();
  }

  std::string heading() const {
    std::string name(name_of(by_));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return "  " + right("COUNT", count_width_) + std::string(bar_width_ + (bar_width_ > 0 ? 3 : 2), ' ') + " SHARE  " +
           right("DEADLY", kills_width_) + "  " + call_column("CALL") + name;
  }

  std::string row(const Sum& sum, const std::string& call, const std::string& name) const {
    const auto total = results_.total();
    const auto kills = right(tools::grouped(sum.kills), kills_width_);
    return "  " + right(tools::grouped(sum.count), count_width_) + " " + bar(sum.count, total, bar_width_, screen_) +
           (bar_width_ > 0 ? "  " : " ") + right(tools::percentage(sum.count, total), 6) + "  " +
           (sum.kills > 0 ? paint_.red(kills) : kills) + "  " + call_column(tools::printable(call, call_width_)) +
           paint_.bold(name) + "\n";
  }

  const Results& results_;
  const Painter& paint_;
  const Screen& screen_;
  const By by_;
  const std::span<const Entry> shown_;
  const Results::Others others_;
  std::size_t bar_width_ = 10;
  std::size_t count_width_ = 5, kills_width_ = 6, call_width_ = 4;  // as the heading needs
};

}  // namespace

std::string as_table(const Results& results, const Screen& screen) {
  const Painter paint(screen);
  std::string text = paint.bold(summary(results)) + "\n";
  text += killed_and_handled(results, screen);
  if (results.total() > 0) {
    text += "\n" + Rows(results, paint, screen).text();
    text += "\n" + draw_timeline(results.tally.timeline(), screen);
  }
  const auto all = remarks(results);
  if (!all.empty()) text += "\n";
  for (const auto& remark : all) text += remark + "\n";
  return text;
}

}  // namespace report
