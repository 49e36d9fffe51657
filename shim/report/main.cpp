// nosigpipe-report: tells from logs where SIGPIPE would have struck.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <stdexcept>

#include "findings.h"
#include "input.h"
#include "places.h"
#include "words.h"

namespace report {
namespace {

std::string written(const Findings& findings) {
  switch (findings.options.format) {
    case Format::table:
      break;
    case Format::json:
      break;
    case Format::folded:
      break;
    case Format::openmetrics:
      break;
  }
  return as_table(findings, screen_for(findings.options, 1));
}

int run(const Options& options) {
  Tally tally(options.by);
  Reader reader(options.period, [&tally](const Record& record) { tally.add(record); });
  std::vector<std::string> unread;
  for (const auto& name : options.files) {
    try {
      Input input(name);
      read_all(input, reader);
    } catch (const std::runtime_error& error) {
      unread.push_back(error.what());
      std::cerr << "nosigpipe-report: " << printable(error.what()) << "\n";
    }
  }
  Findings findings{options, tally, reader.seen(), entries_of(tally), unread, {}};
  if (options.by == By::site) findings.trouble = look_up(findings.entries, options.symbolizer, options.search);
  std::cout << written(findings) << std::flush;
  return unread.empty() && std::cout ? 0 : 1;
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
  }
}
