// A line of text of fixed size, built without heap or stdio. What does not fit is cut; the newline always fits.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace text {

class Line {
 public:
  Line& operator<<(std::string_view words) {
    for (const char c : words) put(c);
    return *this;
  }

  Line& operator<<(std::integral auto value) {
    const bool negative = value < 0;
    auto rest = static_cast<std::uint64_t>(value);
    if (negative) put('-');
    return digits(negative ? 0 - rest : rest, 10, 1);
  }

  Line& hex(std::uint64_t value) { return *this << "0x", digits(value, 16, 1); }
  Line& padded(std::uint64_t value, unsigned width) { return digits(value, 10, width); }

  // In double quotes, with everything that could end them, the line or the terminal's patience as \xNN.
  Line& quoted(std::string_view words) {
    put('"');
    for (const char c : words) {
      if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
        put(c);
      } else {
        *this << "\\x";
        digits(static_cast<unsigned char>(c), 16, 2);
      }
    }
    put('"');
    return *this;
  }

  std::string_view ended() {
    buffer_[length_] = '\n';
    return {buffer_, length_ + 1};
  }

 private:
  void put(char c) {
    if (length_ < sizeof buffer_ - 1) buffer_[length_++] = c;
  }

  Line& digits(std::uint64_t value, unsigned base, unsigned width) {
    char reversed[24];
    unsigned count = 0;
    for (; value != 0 || count < width; value /= base) reversed[count++] = "0123456789abcdef"[value % base];
    while (count > 0) put(reversed[--count]);
    return *this;
  }

  char buffer_[1024];
  std::size_t length_ = 0;
};

}  // namespace text
