// Lists of words, and what a text has in it.
#pragma once

#include <sstream>
#include <string>
#include <vector>

using Strings = std::vector<std::string>;

// One command line out of two pieces.
inline Strings joined(Strings first, const Strings& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

inline bool has(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

// What the regular expression's group, or all of it, matches.
Strings matches(const std::string& text, const std::string& expression);
bool has_match(const std::string& text, const std::string& expression);
std::string replaced(const std::string& text, const std::string& expression, const std::string& by);

// Without their newlines; a last line that has none is a line, too.
inline Strings lines_of(const std::string& text) {
  Strings lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}
