// A file line by line, without heap or stdio, at an offset of its own: threads share that of the file.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

#include "system/kernel.h"

// Read in blocks of kBlock bytes; a line that is longer than kLongest is given empty. Safe in a signal handler; errno
// is left alone.
template <std::size_t kLongest, std::size_t kBlock>
class Lines {
 public:
  void begin(int fd) {
    fd_ = fd;
    at_ = length_ = 0;
    offset_ = 0;
  }

  // Without its newline; valid until the next is asked for. False at the end, and where the file cannot be read.
  bool next(std::string_view& line) {
    std::size_t kept = 0;  // of a line that goes on in the next block
    while (at_ < length_ || fill()) {
      const std::string_view rest(buffer_ + at_, length_ - at_);
      const auto end = rest.find('\n');
      const auto size = end == rest.npos ? rest.size() : end;
      const bool is_whole = kept == 0 && end != rest.npos;
      if (!is_whole && kept + size < kLongest) memcpy(line_ + kept, rest.data(), size);
      kept += size;
      at_ += size;
      if (end == rest.npos) continue;
      ++at_;
      line = {is_whole ? rest.data() : line_, kept < kLongest ? kept : 0};
      return true;
    }
    return false;
  }

 private:
  bool fill() {
    const long read = fd_ < 0 ? 0 : kernel::read_at(fd_, buffer_, sizeof buffer_, offset_);
    if (read <= 0) return false;
    at_ = 0;
    length_ = static_cast<std::size_t>(read);
    offset_ += read;
    return true;
  }

  int fd_;
  std::size_t at_;
  std::size_t length_;
  long offset_;
  char buffer_[kBlock];
  char line_[kLongest];
};
