// Files of /proc as text. What they tell of may end while they are read: then there is nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace doctor {

// At most some 64 MiB of it, of which no more than a table of sockets is that long.
std::optional<std::string> read_proc(const std::string& path);

// Where a link of /proc leads to; empty where that is not known.
std::string link_of(const std::string& path);

// The value behind "NAME:" at the beginning of a line; empty where there is none.
std::string_view value_of(std::string_view text, std::string_view name);

// The digits that a text begins with, as a number; 0 where there are none.
std::uint64_t number_of(std::string_view text, int base = 10);

// Up to the next one of these, which is taken off the text with what ends it.
std::string_view take_until(std::string_view& text, char end);

// The next word, between blanks and tabs.
std::string_view take_word(std::string_view& text);

}  // namespace doctor
