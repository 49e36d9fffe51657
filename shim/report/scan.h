// Takes the values of one record off the front of a text, unescaped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace report::scan {

class Scanner {
 public:
  // What is unescaped goes into `room`, which must have room for the whole text.
  Scanner(std::string_view text, bool json, std::string& room) : rest_(text), json_(json), room_(room) {}

  std::string_view& rest() { return rest_; }
  bool at_end() const { return rest_.empty(); }
  char next() const { return rest_.front(); }
  void skip(std::size_t bytes) { rest_.remove_prefix(bytes); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }

  std::string_view word();           // a name: small letters, digits and underscores
  bool text(std::string_view& out);  // quoted, or in text also a bare word
  bool number(std::uint64_t& out, unsigned base);
  bool frames(std::string_view& out);
  bool skip_value();

 private:
  bool quoted(std::string_view& raw, bool& escaped);
  bool unescape(std::string_view raw, char separator, std::string_view& out);
  std::string_view copied(std::string_view raw, char separator);
  bool bare(std::string_view& out);
  bool list(std::string_view& out);

  std::string_view rest_;
  bool json_;
  std::string& room_;
};

}  // namespace report::scan
