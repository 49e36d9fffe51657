// The command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/reader.h"
#include "report/tally.h"

namespace report {

enum class Format { table, json, folded, openmetrics };
enum class When { automatic, always, never };

struct Options {
  By by = By::site;
  Period period;
  std::optional<std::size_t> top;
  Format format = Format::table;
  std::string output;
  bool follow = false;
  unsigned interval = 1;  // seconds
  std::string symbolizer = "auto";
  std::vector<std::string> search;
  std::optional<std::size_t> width;
  When color = When::automatic;
  bool help = false;
  bool version = false;
  std::vector<std::string> files;
};

// Throws std::invalid_argument with a line for the user.
Options parse_options(const std::vector<std::string>& arguments, Moment now);

std::string help();

constexpr const char* kByNames[] = {"site", "call", "thread", "peer", "fd", "cause", "process"};

}  // namespace report
