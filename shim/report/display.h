// Numbers and texts as they are shown. No byte of a log reaches a terminal as anything but a printable character.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace report {

// Bytes outside 0x20..0x7e as \xNN; what is longer than `most` loses its beginning, since the end of a path says more.
std::string printable(std::string_view text, std::size_t most = std::string_view::npos);

std::string grouped(std::uint64_t number);  // 1,234,567
std::string plural(std::uint64_t number, const std::string& one, const std::string& many);

// 12.3% of the whole.
std::string share(std::uint64_t part, std::uint64_t whole);

// "2 s", "5 min", "3 h", "7 d"
std::string duration(std::int64_t seconds);

// In double quotes, for JSON. A byte above 0x7e is \u00NN, as in the log.
std::string json_quoted(std::string_view text);

}  // namespace report
