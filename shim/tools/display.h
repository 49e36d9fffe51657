// Numbers and texts as they are shown. No byte of a log reaches a terminal as anything but a printable character.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tools {

// Bytes outside 0x20..0x7e as \xNN; what is longer than `most` loses its beginning, since the end of a path says more.
std::string printable(std::string_view text, std::size_t most = std::string_view::npos);

// In double quotes, for JSON. A byte above 0x7e is \u00NN, as in the log.
std::string json_quoted(std::string_view text);

// As one word of a shell's, in quotes where it needs them.
std::string shell_quoted(std::string_view text);

// Lines of 80 columns, cut at blanks, of which all but the first begin so; a word that is longer has a line of its own.
std::string wrapped(const std::string& text, const std::string& indent = "");

std::string grouped(std::uint64_t number);                                                  // 1,234,567
std::string plural(std::uint64_t number, const std::string& one, const std::string& many);  // 1 row, 2 rows
std::string percentage(std::uint64_t part, std::uint64_t whole);                            // 12.3%, at most 100.0%
std::string duration(std::chrono::seconds time);                                            // 2 s, 5 min, 3 h, 7 d
std::string hex(std::uint64_t number);                                                      // 0x3c1f
std::string hex_bytes(std::string_view bytes);                                              // 9c2e41

// What follows the last slash of a path.
std::string base_name(const std::string& path);

}  // namespace tools
