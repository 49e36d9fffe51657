#include "place.h"

#include <elf.h>
#include <fcntl.h>

#include <algorithm>
#include <string_view>

#include "kernel.h"
#include "symbols.h"

namespace {

// A file read line by line; of a long line the beginning.
class Lines {
 public:
  explicit Lines(const char* path) : fd_(kernel::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC)) {}
  ~Lines() {
    if (fd_ >= 0) kernel::call(SYS_close, fd_);
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  bool next(std::string_view& line) {
    line_length_ = 0;
    for (char c; get(c);) {
      if (c == '\n') {
        line = {line_, line_length_};
        return true;
      }
      if (line_length_ < sizeof line_) line_[line_length_++] = c;
    }
    return false;
  }

 private:
  bool get(char& c) {
    if (at_ == length_) {
      length_ = fd_ < 0 ? 0 : kernel::call(SYS_read, fd_, buffer_, sizeof buffer_);
      at_ = 0;
      if (length_ <= 0) return false;
    }
    c = buffer_[at_++];
    return true;
  }

  long fd_;
  long at_ = 0;
  long length_ = 0;
  std::size_t line_length_ = 0;
  char buffer_[512] = {};
  char line_[512] = {};
};

std::uintptr_t take_hex(std::string_view& text) {
  std::uintptr_t value = 0;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c >= '0' && c <= '9')
      value = value * 16 + static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f')
      value = value * 16 + static_cast<unsigned>(c - 'a' + 10);
    else
      break;
  }
  return value;
}

// The file is mapped from its beginning at `start`, so there its header and segments are.
void look_inside(std::uintptr_t start, std::uintptr_t address, Place& place) {
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(start);
  if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return;
  const auto* segments = reinterpret_cast<const ElfW(Phdr)*>(start + header->e_phoff);
  const std::uintptr_t base = header->e_type == ET_EXEC ? 0 : start;
  place.offset = address - base;
  place.symbol = Symbols(base, segments, header->e_phnum).around(address);
}

}  // namespace

// A line: start-end permissions offset device inode path. The mappings of an object follow one another.
void find_place(const void* where, Place& place) {
  const auto address = reinterpret_cast<std::uintptr_t>(where);
  place.offset = address;
  std::uintptr_t beginning = 0;
  std::uintptr_t beginning_of = 0;  // which file: its inode
  Lines lines("/proc/self/maps");
  for (std::string_view line; lines.next(line);) {
    const auto path = line.find('/');
    const auto start = take_hex(line);
    const auto end = take_hex(line);
    const bool readable = !line.empty() && line.front() == 'r';
    line.remove_prefix(std::min<std::size_t>(line.size(), 5));
    const bool from_the_beginning = take_hex(line) == 0;
    take_hex(line);  // the device, in two parts
    take_hex(line);
    const auto inode = take_hex(line);
    if (from_the_beginning && path != line.npos && readable) {
      beginning = start;
      beginning_of = inode;
    }
    if (address < start || address >= end || path == line.npos) continue;
    const auto slash = line.find('/');
    if (slash == line.npos) return;
    line.remove_prefix(slash);
    memcpy(place.path, line.data(), std::min(line.size(), sizeof place.path - 1));
    if (beginning != 0 && beginning_of == inode) look_inside(beginning, address, place);
    return;
  }
}
