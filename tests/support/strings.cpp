// Compiled once: <regex> takes longer than most of what uses it.
#include "support/strings.h"

#include <regex>

Strings matches(const std::string& text, const std::string& expression) {
  const std::regex regex(expression);
  const int group = regex.mark_count() > 0 ? 1 : 0;
  return {std::sregex_token_iterator(text.begin(), text.end(), regex, group), {}};
}

bool has_match(const std::string& text, const std::string& expression) {
  return std::regex_search(text, std::regex(expression));
}

std::string replaced(const std::string& text, const std::string& expression, const std::string& by) {
  return std::regex_replace(text, std::regex(expression), by);
}
