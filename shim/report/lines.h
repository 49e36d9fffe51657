// Cuts a stream into lines, and holds no more than a block of it: lines that are too long for a record are dropped.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace report {

// A record has at most 4096 bytes; the rest is for what a system log puts before it.
constexpr std::size_t kLongestLine = 16384;

class Lines {
 public:
  // Where the next bytes are to be put; never empty.
  std::span<char> space() { return std::span(block_).subspan(used_); }

  // So many bytes have been put there. Gives each line that is complete now to on_line(line, true), without its
  // newline, and calls on_too_long() once for each that is longer than kLongestLine.
  template <class OnLine, class OnTooLong>
  void filled(std::size_t bytes, OnLine on_line, OnTooLong on_too_long);

  // The stream has ended, and maybe another follows: gives what has no newline to on_line(line, false).
  template <class OnLine>
  void finish(OnLine on_line) {
    if (used_ > 0 && !skipping_) on_line(std::string_view(block_.data(), used_), false);
    used_ = 0;
    skipping_ = false;
  }

 private:
  std::vector<char> block_ = std::vector<char>(256 * 1024);
  std::size_t used_ = 0;
  bool skipping_ = false;  // inside a line that was too long
};

template <class OnLine, class OnTooLong>
void Lines::filled(std::size_t bytes, OnLine on_line, OnTooLong on_too_long) {
  std::string_view rest(block_.data(), used_ + bytes);
  for (std::size_t newline = rest.find('\n', used_); newline != rest.npos; newline = rest.find('\n')) {
    if (skipping_)
      skipping_ = false;
    else if (newline > kLongestLine)
      on_too_long();
    else
      on_line(rest.substr(0, newline), true);
    rest.remove_prefix(newline + 1);
  }
  if (rest.size() > kLongestLine && !skipping_) {
    on_too_long();
    skipping_ = true;
  }
  if (skipping_) rest = {};
  std::ranges::copy(rest, block_.begin());
  used_ = rest.size();
}

}  // namespace report
