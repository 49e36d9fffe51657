// The lines of a log, taken apart strictly: what is no line of ours fails the test.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/directory.h"
#include "support/process.h"

// Under the shim, with a line for each SIGPIPE.
inline Start logging_to(const std::string& log, const Strings& variables = {}) {
  return with_shim(joined({"NOSIGPIPE_LOG=" + log, "NOSIGPIPE_INTERVAL=0"}, variables));
}

// A text in quotes as the program had it.
inline std::string unquoted(const std::string& text) {
  std::string raw;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\') {
      raw += static_cast<char>(std::stoi(text.substr(i + 2, 2), nullptr, 16));
      i += 3;
    } else {
      raw += text[i];
    }
  }
  return raw;
}

struct Line {
  std::map<std::string, std::string> fields;  // as they stand there, with their quotes
  const std::string& operator[](const std::string& field) const {
    const auto found = fields.find(field);
    static const std::string none;
    return found == fields.end() ? none : found->second;
  }
  std::string text(const std::string& field) const { return unquoted((*this)[field]); }
  long number(const std::string& field) const { return std::stol((*this)[field], nullptr, 0); }
};

Line parsed_line(const std::string& text);

inline std::vector<Line> parsed(const std::string& log) {
  INFO(log.substr(0, 4096));
  REQUIRE((log.empty() || log.back() == '\n'));
  std::vector<Line> lines;
  for (const auto& text : lines_of(log)) lines.push_back(parsed_line(text));
  return lines;
}

// Those of one kind: averted, observed, passed, total, runaway.
inline std::vector<Line> parsed(const std::string& log, const std::string& kind) {
  auto lines = parsed(log);
  std::erase_if(lines, [&](const Line& line) { return line["event"] != kind; });
  return lines;
}

// How many events the lines account for.
inline long count_of(const std::vector<Line>& lines, const std::string& field = "count") {
  long count = 0;
  for (const auto& line : lines)
    if (!line[field].empty()) count += line.number(field);
  return count;
}

inline Line only_line(const std::string& log) {
  const auto lines = parsed(log);
  INFO(log);
  REQUIRE(lines.size() == 1);
  return lines[0];
}
