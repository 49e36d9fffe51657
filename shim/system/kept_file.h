// A file of ours that stays open in a program that may close any number, or give it to a file of its own. No member
// takes a lock, blocks or changes errno; all are safe in a signal handler.
#pragma once

#include <atomic>
#include <cstdint>

#include "system/kernel.h"

class KeptFile {
 public:
  // Takes over one that was opened otherwise, with a number out of the way, or where it is if there are locks on the
  // file. It gets the number of the file kept so far, at once, so that no thread that is about to write there meets
  // another file; but no number that was lost to the program.
  void keep(int fd);

  // One that is the program's, and stays where it is.
  void share(int fd);

  // The fd, if it is still ours, else -1. To be asked right before each use; no second fd is made for it: closing that
  // would drop the locks (fcntl) that the program may have on the file, and a child forked meanwhile would have it.
  struct Now {
    int fd;
    unsigned mode;  // as in stat(2)
  };
  Now now() const;
  int fd() const { return now().fd; }

  // Whether that fd is open on it, too.
  bool is_open_at(long fd) const { return is(kernel::file_at(static_cast<int>(fd), "")); }

  // Whether it is the file at this path now. Not whether the fd is still ours.
  bool is_at(const char* path) const { return is(kernel::file_at(AT_FDCWD, path)); }

  void forget() { fd_.store(-1); }
  void close();

 private:
  void remember(const kernel::File& file, int fd);
  bool is(const kernel::File& file) const {
    return file.st_ino != 0 && file.st_ino == inode_.load() && file.st_dev == device_.load();
  }

  std::atomic<int> fd_ = -1;
  std::atomic<std::uint64_t> inode_ = 0;  // 0: nothing is kept
  std::atomic<std::uint64_t> device_ = 0;
};
