// The small steps of which parsers are made. What is taken comes off the front of the text; where there is no such
// thing, nothing comes back and nothing is taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace report {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether the text began with this character.
inline bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// A number of exactly this many digits, at most as many as fit into an unsigned.
std::optional<unsigned> take_digits(std::string_view& text, std::size_t count, int base = 10);

// All of the text as a hexadecimal number of 64 bits, such as "0x3c1f".
std::optional<std::uint64_t> parse_hex(std::string_view text);

}  // namespace report
