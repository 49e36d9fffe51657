// A file that is read at once, with a number that any other thread may meet: it is the lowest that is free.
#pragma once

#include <fcntl.h>

#include <cerrno>

#include "system/kept_file.h"

// Closed where it is still ours: the number may have been given to another file. Of that nothing is taken by pread(2),
// should it be a pipe.
class Opened {
 public:
  explicit Opened(const char* path)
      : fd_(static_cast<int>(kernel::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK))) {
    if (fd_ >= 0) file_.share(fd_);
  }
  ~Opened() { file_.close(); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  int fd() const { return fd_; }  // -errno where it cannot be opened
  bool is_put_off() const { return fd_ == -EMFILE || fd_ == -ENFILE; }

 private:
  int fd_;
  KeptFile file_;
};
