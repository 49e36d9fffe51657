#include "report/parse.h"

#include <charconv>
#include <system_error>

namespace report {

std::optional<unsigned> take_digits(std::string_view& text, std::size_t count, int base) {
  if (text.size() < count) return {};
  unsigned number = 0;
  const char* end = text.data() + count;
  if (std::from_chars(text.data(), end, number, base).ptr != end) return {};
  text.remove_prefix(count);
  return number;
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  if (!text.starts_with("0x")) return {};
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data() + 2, end, number, 16);
  if (result.ec != std::errc{} || result.ptr != end) return {};
  return number;
}

}  // namespace report
