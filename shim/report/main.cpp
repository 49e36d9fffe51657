// nosigpipe-report: tells from logs where SIGPIPE would have struck.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <stdexcept>

#include "report/display.h"
#include "report/follow.h"
#include "report/input.h"
#include "report/output.h"
#include "report/places.h"
#include "report/results.h"

namespace report {
namespace {

// Reads the inputs and writes the report, once or again and again.
class Session {
 public:
  explicit Session(const Options& options)
      : options_(options),
        tally_(options.by),
        reader_(options.period, [this](const Record& record) { tally_.add(record); }),
        places_(options.symbolizer, options.search) {}

  void read() {
    for (const auto& name : options_.files) read(name);
  }

  void follow() {
    Follower follower(options_.files, reader_);
    const bool again = !options_.output.empty() || on_terminal();
    const auto interval = std::chrono::seconds(options_.interval);
    auto next = std::chrono::steady_clock::now();
    bool changed = true;
    for (auto news = Follower::News::some; news != Follower::News::end;) {
      news = follower.wait(std::chrono::seconds(1));
      changed |= news == Follower::News::some;
      if (!again || !changed || std::chrono::steady_clock::now() < next) continue;
      show();
      changed = false;
      next = std::chrono::steady_clock::now() + interval;
    }
    follower.finish();
  }

  // Where one follows on a terminal each report takes the place of the one before.
  void show() {
    constexpr const char* kClear = "\033[H\033[2J";
    put((options_.follow && on_terminal() ? kClear : "") + written(), options_.output);
  }

  bool all_read() const { return unread_.empty(); }

 private:
  void read(const std::string& name) {
    try {
      Input input(name);
      read_all(input, reader_);
    } catch (const std::runtime_error& error) {
      unread_.push_back(error.what());
      std::cerr << "nosigpipe-report: " << printable(error.what()) << "\n";
    }
  }

  bool on_terminal() const { return options_.output.empty() && options_.format == Format::table && isatty(1) == 1; }

  std::string written() {
    Findings findings{options_, tally_, reader_.seen(), {}, unread_, {}};
    if (options_.format == Format::openmetrics) return as_openmetrics(findings);
    findings.entries = entries_of(tally_);
    if (options_.by == By::site) places_.look_up(findings.entries);
    findings.trouble = places_.trouble();
    if (options_.format == Format::folded) return as_folded(findings);
    merge(findings.entries);
    if (options_.format == Format::json) return as_json(findings);
    return as_table(findings, options_.output.empty() ? screen_for(options_, 1) : Screen{});
  }

  const Options& options_;
  Tally tally_;
  Reader reader_;
  Places places_;
  std::vector<std::string> unread_;
};

int run(const Options& options) {
  Session session(options);
  if (options.follow)
    session.follow();
  else
    session.read();
  session.show();
  return session.all_read() ? 0 : 1;
}

}  // namespace
}  // namespace report

int main(int argc, char* argv[]) {
  try {
    const auto options = report::parse_options({argv + 1, argv + argc}, report::now());
    if (options.help) {
      std::cout << report::help();
    } else if (options.version) {
      std::cout << "nosigpipe-report " NOSIGPIPE_VERSION "\n";
    } else {
      return report::run(options);
    }
    return std::cout.flush() ? 0 : 1;
  } catch (const std::invalid_argument& error) {
    std::cerr << "nosigpipe-report: " << report::printable(error.what()) << "\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "nosigpipe-report: " << report::printable(error.what()) << "\n";
    return 1;
  }
}
