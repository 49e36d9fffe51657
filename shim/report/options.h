// The command line of nosigpipe-report.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "report/grouping.h"
#include "report/reader.h"
#include "report/timestamp.h"

namespace report {

enum class Format { table, json, html, folded, openmetrics };
enum class When { automatic, always, never };

// What each member is for stands in options.def, beside the option of its name.
struct Options {
  By by = By::site;
  Period period;
  std::optional<std::size_t> top;  // 0: all
  Format format = Format::table;
  std::string output;  // empty: the standard output
  bool fail_if_deadly = false;
  bool run = false;
  bool follow = false;
  std::chrono::seconds interval{1};
  std::string symbolizer = "auto";
  std::vector<std::string> search;
  std::optional<std::size_t> width;  // in columns
  When color = When::automatic;
  bool help = false;
  bool version = false;
  std::vector<std::string> files;    // at least one, but none with `run`; "-" is the standard input
  std::vector<std::string> command;  // not empty with `run`
};

// `arguments` without the program's name; an age counts from `now`. Throws std::invalid_argument, whose text is a line
// for the user.
Options parse_options(const std::vector<std::string>& arguments, Timestamp now);

// The text of --help.
std::string help();

}  // namespace report
