// A file of ours that stays open in a program that may close any number, or give it to a file of its own. No member
// takes a lock, blocks or changes errno; all but open() and keep() are safe in a signal handler.
#pragma once

#include <atomic>
#include <cstdint>

class KeptFile {
 public:
  // open(2), O_CLOEXEC, and then out of the way of programs that expect the lowest numbers, and of their select.
  // Returns the fd or -errno.
  int open(const char* path, int flags, unsigned mode = 0);

  // Takes over one that was opened otherwise, and moves it out of the way. With `replaced` it gets the number of the
  // file kept so far, at once, so that no thread that is about to write there meets another file.
  int keep(int fd, bool replaced = false);

  // One that is the program's, and stays where it is.
  void share(int fd);

  // The fd, if it is still ours, else -1. To be asked right before each use; no second fd is made for it, since closing
  // that would drop the locks (fcntl) that the program may have on the file.
  int fd() const;

  // Is the file now another than the one at this path? Also if there is none.
  bool differs_from(const char* path) const;

  void close();

 private:
  bool is_ours(int fd) const;

  std::atomic<int> fd_ = -1;
  std::atomic<std::uint64_t> inode_ = 0;  // 0: nothing is kept
  std::atomic<std::uint64_t> device_ = 0;
};
