// The terminal: how wide it is, what it can show, and the bars that are drawn there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "report/options.h"
#include "report/timeline.h"

namespace report {

struct Screen {
  std::size_t width = 0;  // in columns, at least 40; 0: lines are not cut
  bool color = false;
  bool blocks = false;  // whether it shows block characters (U+2581 to U+258F); letters stand for them where not
};

// What the options ask for, and else what is right for this descriptor. Sets the locale's character type.
Screen screen_for(const Options& options, int fd);

// A horizontal bar for a part of the whole, filled up with blanks to `width` columns.
std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width, const Screen& screen);

// A line of vertical bars, as wide as the screen, and a line with the times. The timeline is not empty.
std::string draw_timeline(const Timeline& timeline, const Screen& screen);

}  // namespace report
