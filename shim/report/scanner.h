// Takes the values of one record off the front of a text, unescaped.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "report/parse.h"

namespace report {

class Scanner {
 public:
  // What is unescaped goes into `buffer`, which must have the capacity for the whole text: texts point into it.
  Scanner(std::string_view text, bool json, std::string& buffer) : rest_(text), json_(json), buffer_(buffer) {}

  std::string_view& rest() { return rest_; }  // what has not been taken yet
  bool at_end() const { return rest_.empty(); }
  char next() const { return rest_.front(); }
  void skip(std::size_t bytes) { rest_.remove_prefix(bytes); }
  bool take(char c) { return report::take(rest_, c); }
  void skip_blanks() { skip(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

  // A name: small letters, digits and underscores. Empty where there is none.
  std::string_view word();

  // A value each. False where there is no such value: then `out` says nothing, and how much was taken is not certain.
  bool text(std::string_view& out);           // quoted, or outside JSON also a bare word
  bool number(std::uint64_t& out, int base);  // saturated; in base 16 behind 0x, in JSON also quoted
  bool frames(std::string_view& out);         // texts, with a NUL between them: in JSON a list, else one text a;b;c
  bool skip_value();                          // of any kind

 private:
  bool quoted(std::string_view& raw, bool& escaped);
  bool unescape(std::string_view raw, char separator, std::string_view& out);
  std::string_view copied(std::string_view raw, char separator);
  bool bare(std::string_view& out);
  bool list(std::string_view& out);

  std::string_view rest_;
  bool json_;
  std::string& buffer_;
};

}  // namespace report
