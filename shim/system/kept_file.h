// A file of ours that stays open in a program that may close any number, or give it to a file of its own. No member
// takes a lock, blocks or changes errno; all but open() and keep() are safe in a signal handler.
#pragma once

#include <atomic>
#include <cstdint>

#include "system/kernel.h"

class KeptFile {
 public:
  // open(2), O_CLOEXEC, and keep(). Where it fails nothing is kept.
  void open(const char* path, int flags);

  // Takes over one that was opened otherwise, with a number out of the way. It gets that of the file kept so far, at
  // once, so that no thread that is about to write there meets another file.
  void keep(int fd);

  // One that is the program's, and stays where it is.
  void share(int fd);

  // The fd, if it is still ours, else -1. To be asked right before each use; no second fd is made for it, since closing
  // that would drop the locks (fcntl) that the program may have on the file.
  int fd() const;

  // Whether it is the file at this path now.
  bool is_at(const char* path) const;

  void forget() { fd_.store(-1); }
  void close();

 private:
  bool is(const kernel::File& file) const;

  std::atomic<int> fd_ = -1;
  std::atomic<std::uint64_t> inode_ = 0;  // 0: nothing is kept
  std::atomic<std::uint64_t> device_ = 0;
};
