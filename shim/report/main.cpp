// nosigpipe-report: shows from logs where SIGPIPE would have struck.
#include <unistd.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "report/command.h"
#include "report/follow.h"
#include "report/input.h"
#include "report/output.h"
#include "report/results.h"
#include "report/source_lines.h"
#include "tools/display.h"

namespace report {
namespace {

void complain(const std::exception& error) {
  std::cerr << "nosigpipe-report: " << tools::printable(error.what()) << "\n";
}

// Exit statuses.
constexpr int kDeadly = 3;
constexpr int kNotRun = 125;  // as the launcher has it

// Reads the inputs and writes the report, once or again and again.
class Session {
 public:
  explicit Session(const Options& options)
      : options_(options),
        tally_(options.by),
        reader_(options.period, [this](const Record& record) { tally_.add(record); }),
        source_lines_(options.symbolizer, options.search) {}

  void read() {
    for (const auto& name : without_repeats(options_.files)) read(name);
  }

  // The exit status of the command.
  int run() {
    const PrivateLog log;
    const int status = run_command(options_.command, log.name());
    read(log.name());
    return status;
  }

  void follow() {
    Follower follower(without_repeats(options_.files), reader_);
    const bool again = !options_.output.empty() || on_terminal();
    auto next = std::chrono::steady_clock::now();
    bool changed = true;
    for (auto news = Follower::News::some; news != Follower::News::end;) {
      news = follower.wait(std::chrono::seconds(1));
      changed |= news == Follower::News::some;
      if (!again || !changed || std::chrono::steady_clock::now() < next) continue;
      show();
      changed = false;
      next = std::chrono::steady_clock::now() + options_.interval;
    }
    follower.finish();
  }

  void show() {
    // With --follow on a terminal, each report replaces the one before.
    constexpr const char* kClear = "\033[H\033[2J";
    write_report((options_.follow && on_terminal() ? kClear : "") + report_text(), options_.output, fd_);
  }

  // The exit status, as far as the report goes.
  int status() const {
    if (options_.fail_if_deadly && any_deadly()) return kDeadly;
    return unread_.empty() ? 0 : 1;
  }

 private:
  void read(const std::string& name) {
    try {
      Input input(name);
      read_all(input, reader_);
    } catch (const std::runtime_error& error) {
      unread_.push_back(error.what());
      complain(error);
    }
  }

  bool any_deadly() const {
    return tally_.averted().kills > 0 || tally_.observed().kills > 0 || tally_.killed().all().count > 0;
  }

  bool on_terminal() const { return options_.output.empty() && options_.format == Format::table && isatty(fd_) == 1; }

  // Of entries that have not been merged, and stay as they are.
  std::string folded(Results results) {
    source_lines_.look_up(results.entries);
    return as_folded(results);
  }

  std::string report_text() {
    Results results{options_, tally_, reader_.seen(), {}, {}, {}, unread_, {}};
    if (options_.format == Format::openmetrics) return as_openmetrics(results);
    results.entries = entries_of(tally_);
    const auto stacks = options_.format == Format::html && options_.by == By::site ? folded(results) : std::string();
    if (options_.format != Format::folded) merge(results.entries);
    if (options_.by == By::site) source_lines_.look_up(results.entries);
    if (options_.format == Format::folded) return as_folded(results);
    results.killed = entries_of(tally_.killed());
    results.handled = entries_of(tally_.handled());
    for (auto* passed : {&results.killed, &results.handled}) source_lines_.look_up(*passed);
    results.trouble = source_lines_.trouble();
    results.compiled = source_lines_.trouble_of_compiled();
    if (options_.by == By::site) merge(results.entries);  // what is interpreted is known by its name only now
    if (options_.format == Format::json) return as_json(results);
    if (options_.format == Format::html) return as_html(results, stacks);
    return as_table(results, options_.output.empty() ? screen_for(options_, fd_) : Screen{});
  }

  const Options& options_;
  const int fd_ = options_.run ? 2 : 1;  // where the report goes
  Tally tally_;
  Reader reader_;
  SourceLines source_lines_;
  std::vector<std::string> unread_;
};

int run(const Options& options) {
  if (options.format == Format::html && options.output.empty() && isatty(options.run ? 2 : 1) == 1)
    throw std::invalid_argument("--html is for a browser, not for a terminal; give --output=FILE");
  Session session(options);
  int status = options.run ? kNotRun : 0;
  try {
    if (options.run)
      status = session.run();
    else if (options.follow)
      session.follow();
    else
      session.read();
    session.show();
  } catch (const std::exception& error) {
    complain(error);
    return status != 0 ? status : 1;
  }
  if (status != 0) return status;
  return session.status();
}

}  // namespace
}  // namespace report

int main(int argc, char* argv[]) {
  try {
    const auto options = report::parse_options(
        {argv + 1, argv + argc}, std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()));
    if (options.help) {
      std::cout << report::help();
    } else if (options.version) {
      std::cout << "nosigpipe-report " NOSIGPIPE_VERSION "\n";
    } else {
      return report::run(options);
    }
    return std::cout.flush() ? 0 : 1;
  } catch (const std::invalid_argument& error) {
    report::complain(error);
    return 2;
  } catch (const std::exception& error) {
    report::complain(error);
    return 1;
  }
}
