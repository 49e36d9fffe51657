#include "system/kept_file.h"

#include <fcntl.h>

namespace {

constexpr int kFirst = 100;

// Out of the way of programs that expect the lowest numbers, and of their select: from here on, or as high as the limit
// lets it be.
long moved_up(int fd, int lowest) {
  for (; lowest > 2; lowest = lowest > kFirst ? kFirst : lowest / 2)
    if (const long high = kernel::call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest); high >= 0) return high;
  return -1;
}

// Whether this process has locks on it (fcntl(2)): they would be gone as soon as it closes any fd of the file.
// Linux 3.15 is the first to say.
bool has_locks(int fd) {
#ifdef SYS_fcntl64
  constexpr long kFcntl = SYS_fcntl64;
#else
  constexpr long kFcntl = SYS_fcntl;
#endif
  struct flock64 lock {};
  lock.l_type = F_WRLCK;
  return kernel::call(kFcntl, fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid == kernel::pid();
}

// Where there are locks on it, it stays open.
void close_unlocked(int fd) {
  if (!has_locks(fd)) kernel::call(SYS_close, fd);
}

}  // namespace

void KeptFile::keep(int fd) {
  const auto file = kernel::file_at(fd, "");  // asked before it is moved: its place may be the program's by then
  const int lost = fd_.load();
  const int old = this->fd();
  const bool stays = fd > 2 && has_locks(fd);
  const bool has_place = !stays && old >= 0 && !has_locks(old) && kernel::call(SYS_dup3, fd, old, O_CLOEXEC) >= 0;
  const long place = stays ? fd : has_place ? old : moved_up(fd, lost >= kFirst ? lost + 1 : kFirst);
  remember(file, place >= 0 ? static_cast<int>(place) : fd);
  if (place >= 0 && place != fd && is_open_at(fd)) kernel::call(SYS_close, fd);  // it may have been taken meanwhile
  if (old >= 0 && !has_place) close_unlocked(old);
}

void KeptFile::share(int fd) { remember(kernel::file_at(fd, ""), fd); }

void KeptFile::remember(const kernel::File& file, int fd) {
  device_.store(file.st_dev);
  inode_.store(file.st_ino);
  fd_.store(fd);
}

KeptFile::Now KeptFile::now() const {
  const int fd = fd_.load();
  const auto file = fd >= 0 ? kernel::file_at(fd, "") : kernel::File{};
  return {is(file) ? fd : -1, file.st_mode};
}

void KeptFile::close() {
  const int ours = fd();
  forget();
  if (ours >= 0) close_unlocked(ours);
}
