#include "unwind/maps.h"

#include <initializer_list>

#include "system/opened.h"
#include "system/text.h"

// The first is empty when the main thread has ended; of the second QEMU shows its own mappings.
bool Maps::look() {
  count_ = 0;
  paths_length_ = 0;
  for (const auto* path : {"/proc/self/maps", "/proc/thread-self/maps"}) {
    const Opened file(path);
    if (file.is_put_off()) return false;
    if (file.fd() >= 0) read(file.fd());
    if (count_ > 0) break;
  }
  return true;
}

// A line is: begin-end permissions offset device inode path. Inodes are decimal, but to tell them apart hex will do.
// The mappings of an object follow one another. Code of no file has a place, too, or it would be looked for again each
// time; a compiler at run time may have many of these.
void Maps::read(int fd) {
  lines_.begin(fd);
  std::uintptr_t start = 0;
  std::uint64_t started_file = 0;
  for (std::string_view line; lines_.next(line);) {
    const auto path = text::part(line, line.find('/'));
    const auto begin = static_cast<std::uintptr_t>(text::take_hex(line));
    const auto end = static_cast<std::uintptr_t>(text::take_hex(line));
    const bool is_readable = text::begins(line, "r");
    const bool is_code = text::part(line, 2, 1) == "x";
    line = text::part(line, 5);
    const bool is_beginning = text::take_hex(line) == 0;
    const auto major = text::take_hex(line);
    const auto minor = text::take_hex(line);
    const auto file = text::take_hex(line) ^ major << 56 ^ minor << 48;
    if (is_beginning && is_readable && file != 0) {
      start = begin;
      started_file = file;
    }
    if (count_ > 0 && file != 0 && list_[count_ - 1].file == file) list_[count_ - 1].limit = end;
    if (!is_code || count_ >= (file != 0 ? kMost : kMost / 2) || paths_length_ + path.size() > sizeof paths_) continue;
    char* kept = paths_ + paths_length_;
    memcpy(kept, path.data(), path.size());
    paths_length_ += path.size();
    list_[count_++] = {begin, end, file != 0 && started_file == file ? start : 0, end, file, {kept, path.size()}};
  }
}

const Module* Maps::around(std::uintptr_t address) const {
  for (unsigned i = 0; i < count_; ++i)
    if (address - list_[i].begin < list_[i].end - list_[i].begin) return &list_[i];
  return nullptr;
}
