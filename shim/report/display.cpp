#include "report/display.h"

#include <algorithm>
#include <cstdio>

namespace report {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

void append_hex(std::string& out, char c) {
  out += kDigits[static_cast<unsigned char>(c) >> 4];
  out += kDigits[static_cast<unsigned char>(c) & 15];
}

}  // namespace

std::string printable(std::string_view text, std::size_t most) {
  std::string out;
  for (const char c : text) {
    if (c >= ' ' && c <= '~')
      out += c;
    else
      append_hex(out += "\\x", c);
  }
  if (out.size() > most) out = most < 4 ? out.substr(0, most) : "..." + out.substr(out.size() - (most - 3));
  return out;
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string plural(std::uint64_t number, const std::string& one, const std::string& many) {
  return grouped(number) + " " + (number == 1 ? one : many);
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f%%",
                whole == 0 ? 0.0 : std::min(100.0, 100.0 * static_cast<double>(part) / static_cast<double>(whole)));
  return text;
}

std::string duration(std::int64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 2 * 3600) return std::to_string(seconds / 60) + " min";
  if (seconds < 2 * 86400) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86400) + " d";
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\')
      out += c;
    else
      append_hex(out += "\\u00", c);
  }
  return out += '"';
}

}  // namespace report
