// Logs written by hand, for the report to read, and the report's words about them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/directory.h"
#include "support/process.h"

// The fields of a record, in the log's order; set() changes one or adds it.
class Record {
 public:
  Record& set(const std::string& name, const std::string& value) {
    for (auto& field : fields_)
      if (field.first == name) {
        field.second = value;
        return *this;
      }
    fields_.emplace_back(name, value);
    return *this;
  }

  Record& without(const std::string& name) {
    std::erase_if(fields_, [&](const auto& field) { return field.first == name; });
    return *this;
  }

  Record& at(const std::string& time) {
    time_ = time;
    return *this;
  }

  std::string text() const {
    std::string line = "nosigpipe: " + time_;
    for (const auto& [name, value] : fields_) line += " " + name + "=" + value;
    return line + "\n";
  }

  // The same fields as JSON: a number and would_kill stand bare, all else in quotes, and a stack is a list.
  std::string json() const {
    std::string line = R"({"time":")" + time_ + "\"";
    for (const auto& [name, value] : fields_) {
      line += ",\"" + name + "\":";
      const bool digits = value.find_first_not_of("0123456789") == std::string::npos && name != "build_id";
      if (name == "would_kill")
        line += value == "yes" ? "true" : "false";
      else if (name == "stack")
        line += "[" + replaced(value, ";", "\",\"") + "]";
      else
        line += digits || value[0] == '"' ? value : "\"" + value + "\"";
    }
    return replaced(line, "\\x", "\\u00") + "}\n";
  }

 private:
  static std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
      text.replace(at, what.size(), with);
    return text;
  }

  std::string time_ = "2026-11-22T18:10:39.540662Z";
  std::vector<std::pair<std::string, std::string>> fields_ = {
      {"event", "averted"},     {"pid", "100"},           {"tid", "101"},
      {"thread", "\"worker\""}, {"exe", "\"/srv/x\""},    {"would_kill", "yes"},
      {"technique", "flag"},    {"call", "write"},        {"fd", "5"},
      {"bytes", "10"},          {"count", "1"},           {"kills", "1"},
      {"socket", "tcp"},        {"type", "stream"},       {"peer", "\"10.0.0.1:5555\""},
      {"cause", "peer_gone"},   {"module", "\"/srv/x\""}, {"offset", "0x806e"},
      {"build_id", "0123abcd"}, {"symbol", "\"serve\""},
  };
};

// The report on this log, from its standard input.
inline Ending report_on(const std::string& log, const Strings& options = {}, const Strings& env = {}) {
  const Directory directory;
  std::ofstream(directory / "log") << log;
  Start start;
  start.env = env;
  return run(joined(joined({built("nosigpipe-report")}, options), {directory / "log"}), start);
}

inline std::string report_of(const std::string& log, const Strings& options = {}, const Strings& env = {}) {
  const Ending ending = report_on(log, options, env);
  INFO(ending.text() << "\n" << ending.out << ending.err);
  REQUIRE(ending.exited(0));
  return ending.out;
}

// The lines that have these words.
inline Strings lines_with(const std::string& words, const std::string& text) {
  Strings found;
  for (const auto& line : lines_of(text))
    if (has(line, words)) found.push_back(line);
  return found;
}
