// Shows on standard error how far the reading is, where that is a terminal and the reading takes its time.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>

#include "tools/display.h"

namespace report {

class Progress {
 public:
  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // Leaves the line empty.
  ~Progress() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }

  // Shows nothing in the first second, and then at most five reports a second. `percent` is -1 where it is not known.
  void show(const std::string& name, int percent) {
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now < next_) return;
    next_ = now + std::chrono::milliseconds(200);
    shown_ = true;
    const std::string part = percent < 0 ? "" : " " + std::to_string(percent) + " %";
    std::fprintf(stderr, "\r\033[Kreading %s%s", tools::printable(name, kLongestName).c_str(), part.c_str());
  }

 private:
  static constexpr std::size_t kLongestName = 60;
  const bool terminal_ = isatty(2) == 1;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  bool shown_ = false;
};

}  // namespace report
