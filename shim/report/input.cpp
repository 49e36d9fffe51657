#include "report/input.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <stdexcept>
#include <vector>

#include "report/progress.h"
#include "tools/display.h"

namespace report {
namespace {

[[noreturn]] void fail(const std::string& name, const std::string& why) { throw std::runtime_error(name + ": " + why); }

bool is_gzip(int fd) {
  unsigned char magic[2] = {};
  return pread(fd, magic, sizeof magic, 0) == sizeof magic && magic[0] == 0x1f && magic[1] == 0x8b;
}

}  // namespace

Input::Input(const std::string& name) : name_(name == "-" ? "standard input" : name), file_(tools::open_to_read(name)) {
  struct stat status {};
  if (!file_ || fstat(file_.get(), &status) != 0) fail(name_, std::strerror(errno));
  if (S_ISDIR(status.st_mode)) fail(name_, "is a directory");
  if (!S_ISREG(status.st_mode)) return;
  size_ = status.st_size;
  if (!is_gzip(file_.get())) return;
  zcat_ = std::make_unique<tools::Child>(std::vector<std::string>{"zcat"}, file_.get());
  if (!zcat_->started()) fail(name_, "is gzipped, and zcat cannot be started");
}

std::size_t Input::read(std::span<char> space) {
  ssize_t size = -1;
  do size = ::read(zcat_ ? zcat_->out() : file_.get(), space.data(), space.size());
  while (size < 0 && errno == EINTR);
  if (size < 0) fail(name_, std::strerror(errno));
  if (size == 0 && zcat_ && !zcat_->succeeded()) fail(name_, "is not gzipped well; zcat gave up before its end");
  return static_cast<std::size_t>(size);
}

// zcat shares the offset of our descriptor.
int Input::percent() const {
  const off_t at = lseek(file_.get(), 0, SEEK_CUR);
  return size_ <= 0 || at < 0 ? -1 : static_cast<int>(std::min<off_t>(at * 100 / size_, 100));
}

void read_all(Input& input, Reader& reader) {
  const Seen before = reader.seen();
  Stream stream;
  Progress progress;
  try {
    while (const std::size_t size = input.read(stream.lines.space())) {
      reader.filled(stream, size);
      progress.show(input.name(), input.percent());
    }
  } catch (...) {
    reader.finish(stream);
    throw;
  }
  reader.finish(stream);
  const auto others = reader.seen().others() - before.others();
  if (others > 0 && reader.seen().ours() == before.ours())
    fail(input.name(), tools::plural(others, "line", "lines") + ", none written by nosigpipe");
}

std::vector<std::string> without_repeats(const std::vector<std::string>& names) {
  std::vector<std::string> once;
  std::set<std::string> known;
  for (const auto& name : names) {
    struct stat file {};
    const bool exists = (name == "-" ? fstat(0, &file) : stat(name.c_str(), &file)) == 0;
    // No name holds a NUL.
    const auto key = exists ? '\0' + std::to_string(file.st_dev) + ' ' + std::to_string(file.st_ino) : name;
    if (known.insert(key).second) once.push_back(name);
  }
  return once;
}

}  // namespace report
