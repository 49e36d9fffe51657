#include "tools/display.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>

namespace tools {
namespace {

void append_hex(std::string& text, char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  text += kDigits[static_cast<unsigned char>(byte) >> 4];
  text += kDigits[static_cast<unsigned char>(byte) & 15];
}

// Bytes that are not printable, and these others, as their number in hexadecimal behind a mark.
std::string escaped(std::string_view text, std::string_view mark, std::string_view others = {}) {
  std::string out;
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && others.find(c) == others.npos)
      out += c;
    else
      append_hex(out += mark, c);
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text, std::size_t most) {
  std::string out = escaped(text, "\\x");
  if (out.size() <= most) return out;
  return most < 4 ? out.substr(0, most) : "..." + out.substr(out.size() - (most - 3));
}

std::string json_quoted(std::string_view text) { return "\"" + escaped(text, "\\u00", "\"\\") + "\""; }

std::string shell_quoted(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == text.npos) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string wrapped(const std::string& text, const std::string& indent) {
  const auto width = 80 - indent.size();
  std::string out;
  std::string_view rest(text);
  while (rest.size() > width) {
    auto at = rest.rfind(' ', width);
    if (at == rest.npos || at == 0) at = std::min(rest.find(' ', 1), rest.size());
    out += std::string(rest.substr(0, at)) + "\n" + indent;
    rest.remove_prefix(std::min(at + 1, rest.size()));
  }
  return out + std::string(rest) + "\n";
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string plural(std::uint64_t number, const std::string& one, const std::string& many) {
  return grouped(number) + " " + (number == 1 ? one : many);
}

std::string percentage(std::uint64_t part, std::uint64_t whole) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f%%",
                whole == 0 ? 0.0 : std::min(100.0, 100.0 * static_cast<double>(part) / static_cast<double>(whole)));
  return text;
}

std::string duration(std::chrono::seconds time) {
  using namespace std::chrono;
  if (time < minutes(2)) return std::to_string(time.count()) + " s";
  if (time < hours(2)) return std::to_string(duration_cast<minutes>(time).count()) + " min";
  if (time < days(2)) return std::to_string(duration_cast<hours>(time).count()) + " h";
  return std::to_string(duration_cast<days>(time).count()) + " d";
}

std::string hex(std::uint64_t number) {
  char digits[16];
  return "0x" + std::string(digits, std::to_chars(digits, std::end(digits), number, 16).ptr);
}

std::string hex_bytes(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) append_hex(text, byte);
  return text;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace tools
