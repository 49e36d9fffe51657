#include "kept.h"

#include <fcntl.h>

#include "kernel.h"

namespace {

constexpr int kLowestFd = 100;

int moved_up(int low) {
  const long high = kernel::call(SYS_fcntl, low, F_DUPFD_CLOEXEC, kLowestFd);
  if (high < 0) return low;
  kernel::call(SYS_close, low);
  return static_cast<int>(high);
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

int KeptFile::fd() const {
  const int fd = fd_.load();
  if (fd < 0) return -1;
  const auto file = kernel::file_at(fd, "");
  return file.st_ino != 0 && file.st_ino == inode_.load() && file.st_dev == device_.load() ? fd : -1;
}

int KeptFile::rewound() const {
  const int ours = fd();
  if (ours >= 0) kernel::call(SYS_lseek, ours, 0, SEEK_SET);
  return ours;
}

bool KeptFile::differs_from(const char* path) const {
  const auto file = kernel::file_at(AT_FDCWD, path);
  return file.st_ino == 0 || file.st_ino != inode_.load() || file.st_dev != device_.load();
}
