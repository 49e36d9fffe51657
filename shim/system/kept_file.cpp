#include "system/kept_file.h"

#include <fcntl.h>

#include "system/kernel.h"

namespace {

// As high as the limit lets it be.
int copied_high(int fd) {
  long high = -1;
  for (int lowest = 100; lowest > 2 && high < 0; lowest /= 2)
    high = kernel::call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest);
  return static_cast<int>(high);
}

int moved_up(int low) {
  const int high = copied_high(low);
  if (high < 0) return low;
  kernel::call(SYS_close, low);
  return high;
}

}  // namespace

int KeptFile::open(const char* path, int flags, unsigned mode) {
  const int fd = static_cast<int>(kernel::call(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode));
  return fd < 0 ? fd : keep(fd);
}

int KeptFile::keep(int fd, bool replaced) {
  const int old = replaced ? this->fd() : -1;
  if (old >= 0 && kernel::call(SYS_dup3, fd, old, O_CLOEXEC) >= 0) {
    kernel::call(SYS_close, fd);
    fd = old;
  } else {
    fd = moved_up(fd);
  }
  share(fd);
  return fd;
}

void KeptFile::share(int fd) {
  const auto file = kernel::file_at(fd, "");
  device_.store(file.st_dev);
  inode_.store(file.st_ino);
  fd_.store(fd);
}

bool KeptFile::is_ours(int fd) const {
  const auto file = kernel::file_at(fd, "");
  return fd >= 0 && file.st_ino != 0 && file.st_ino == inode_.load() && file.st_dev == device_.load();
}

int KeptFile::fd() const {
  const int fd = fd_.load();
  return is_ours(fd) ? fd : -1;
}

void KeptFile::close() {
  const int ours = fd();
  fd_.store(-1);
  if (ours >= 0) kernel::call(SYS_close, ours);
}

bool KeptFile::differs_from(const char* path) const {
  const auto file = kernel::file_at(AT_FDCWD, path);
  return file.st_ino == 0 || file.st_ino != inode_.load() || file.st_dev != device_.load();
}
