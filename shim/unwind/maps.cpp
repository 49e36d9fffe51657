#include "unwind/maps.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string_view>

#include "system/kept_file.h"
#include "system/kernel.h"
#include "system/text.h"

namespace {

// The picture of whoever opened it: also when the main thread has ended, or there is no /proc any more. A child of fork
// has one of its parent, which may be another by now.
constinit KeptFile kept_maps;
constinit std::atomic<int> kept_by = 0;

// One line: begin-end permissions offset device inode path. Inodes are decimal, but to tell them apart hex will do.
struct Mapping {
  std::uintptr_t begin;
  std::uintptr_t end;
  bool is_readable;
  bool is_code;
  bool from_the_beginning;
  std::uint64_t inode;
  std::string_view path;
};

Mapping parse(std::string_view line) {
  Mapping mapping{};
  const auto slash = line.find('/');
  if (slash != line.npos) mapping.path = text::part(line, slash);
  mapping.begin = static_cast<std::uintptr_t>(text::take_hex(line));
  mapping.end = static_cast<std::uintptr_t>(text::take_hex(line));
  mapping.is_readable = line.starts_with('r');
  mapping.is_code = line.size() > 2 && line[2] == 'x';
  line.remove_prefix(std::min<std::size_t>(line.size(), 5));
  mapping.from_the_beginning = text::take_hex(line) == 0;
  const auto major = text::take_hex(line);
  const auto minor = text::take_hex(line);
  mapping.inode = text::take_hex(line) ^ major << 56 ^ minor << 48;
  return mapping;
}

}  // namespace

void Maps::keep_open() {
  kept_maps.open("/proc/self/maps", O_RDONLY);
  kept_by.store(kernel::pid());
}

void Maps::look(std::uintptr_t stack_pointer) {
  count_ = 0;
  paths_length_ = 0;
  end_of_stack_ = 0;
  if (kept_by.load() == kernel::pid() && kept_maps.fd() >= 0) return read(kept_maps.fd(), stack_pointer);
  const int fd = static_cast<int>(kernel::call(SYS_openat, AT_FDCWD, "/proc/thread-self/maps", O_RDONLY | O_CLOEXEC));
  if (fd < 0) return;
  read(fd, stack_pointer);
  kernel::call(SYS_close, fd);
}

// The mappings of an object follow one another.
void Maps::read(int fd, std::uintptr_t stack_pointer) {
  lines_.begin(fd);
  Mapping beginning{};
  for (std::string_view line; lines_.next(line);) {
    const Mapping mapping = parse(line);
    if (stack_pointer - mapping.begin < mapping.end - mapping.begin) end_of_stack_ = mapping.end;
    if (mapping.path.empty()) continue;
    if (mapping.from_the_beginning && mapping.is_readable) {
      beginning = mapping;
      beginning.path = {};  // it is in the line
    }
    if (count_ > 0 && list_[count_ - 1].inode == mapping.inode) list_[count_ - 1].limit = mapping.end;
    if (!mapping.is_code) continue;
    const auto start = beginning.inode == mapping.inode ? beginning.begin : 0;
    add({mapping.begin, mapping.end, start, mapping.end, mapping.inode, ""}, mapping.path.data(), mapping.path.size());
  }
}

void Maps::add(const Module& module, const char* path, std::size_t length) {
  if (count_ == kMost || paths_length_ + length >= sizeof paths_) return;
  list_[count_] = module;
  list_[count_++].path = paths_ + paths_length_;
  memcpy(paths_ + paths_length_, path, length);
  paths_length_ += length;
  paths_[paths_length_++] = '\0';
}

const Module* Maps::around(std::uintptr_t address) const {
  for (unsigned i = 0; i < count_; ++i)
    if (address - list_[i].begin < list_[i].end - list_[i].begin) return &list_[i];
  return nullptr;
}
