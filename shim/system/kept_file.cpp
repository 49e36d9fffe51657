#include "system/kept_file.h"

#include <fcntl.h>

namespace {

// Out of the way of programs that expect the lowest numbers, and of their select: as high as the limit lets it be.
int moved_up(int fd) {
  for (int lowest = 100; lowest > 2; lowest /= 2) {
    const long high = kernel::call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest);
    if (high < 0) continue;
    kernel::call(SYS_close, fd);
    return static_cast<int>(high);
  }
  return fd;
}

}  // namespace

void KeptFile::open(const char* path, int flags) {
  const long fd = kernel::call(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC);
  if (fd >= 0) keep(static_cast<int>(fd));
}

void KeptFile::keep(int fd) {
  const int old = this->fd();
  if (old < 0 || kernel::call(SYS_dup3, fd, old, O_CLOEXEC) < 0) return share(moved_up(fd));
  kernel::call(SYS_close, fd);
  share(old);
}

void KeptFile::share(int fd) {
  const auto file = kernel::file_at(fd, "");
  device_.store(file.st_dev);
  inode_.store(file.st_ino);
  fd_.store(fd);
}

bool KeptFile::is(const kernel::File& file) const {
  return file.st_ino != 0 && file.st_ino == inode_.load() && file.st_dev == device_.load();
}

int KeptFile::fd() const {
  const int fd = fd_.load();
  return fd >= 0 && is(kernel::file_at(fd, "")) ? fd : -1;
}

bool KeptFile::is_at(const char* path) const { return is(kernel::file_at(AT_FDCWD, path)); }

void KeptFile::close() {
  const int ours = fd();
  forget();
  if (ours >= 0) kernel::call(SYS_close, ours);
}
