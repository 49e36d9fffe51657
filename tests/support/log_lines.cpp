// Compiled once, as strings.cpp is.
#include "support/log_lines.h"

#include <regex>

Line parsed_line(const std::string& text) {
  static const std::regex beginning("nosigpipe: (\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z)(.*)");
  static const std::regex field(" ([a-z_]+)=(\"(?:[ !#-\\[\\]-~]|\\\\x[0-9a-f]{2})*\"|[a-z0-9_]+)");
  std::smatch match;
  INFO(text);
  REQUIRE(std::regex_match(text, match, beginning));
  Line line;
  line.fields["time"] = match[1];
  std::string rest = match[2];
  while (!rest.empty()) {
    INFO(rest);
    REQUIRE(std::regex_search(rest, match, field, std::regex_constants::match_continuous));
    REQUIRE(line.fields.emplace(match[1], match[2]).second);
    rest = match.suffix();
  }
  return line;
}
