// Follows logs: reads on as files grow, are truncated, and are rotated.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "report/reader.h"
#include "tools/fd.h"

namespace report {

// One file under its name, or the standard input ("-"), and the three that had the name before: a program that has its
// log open goes on writing to the file, whatever it is called now. The file need not be there yet.
class Followed {
 public:
  Followed(std::string name, Reader& reader);

  // Reads what is new, without waiting for it. Whether there was something.
  bool read_new();
  // Whether nothing more can come.
  bool finished() const;
  // The descriptor that poll() can wait on, or -1: a regular file is always ready.
  int poll_fd() const;
  // Where its name stands, to be watched for changes.
  std::string directory() const;
  // Uses what has no newline, which will get none.
  void finish();

 private:
  struct Open {
    tools::Fd fd;
    dev_t device = 0;
    ino_t inode = 0;
    bool regular = false;
    off_t at = 0;  // what has been read, in bytes
    Stream stream;
  };
  // Opens what has the name now, and lets go of the oldest where too many are open.
  void open_latest();
  bool read_on(Open& file);

  std::string name_;
  Reader& reader_;
  std::vector<Open> open_;  // the latest is the last
  bool ended_ = false;
};

class Follower {
 public:
  // Blocks SIGINT and SIGTERM: they end the waiting from now on rather than the process.
  Follower(const std::vector<std::string>& names, Reader& reader);

  enum class News { none, some, end };
  // Waits until something is new, which it reads, or for this long, but never for more than a second. `end` where
  // nothing more can come, or a signal asked for it.
  News wait(std::chrono::milliseconds limit);
  // Reads what has come since, to its end.
  void finish();

 private:
  std::vector<Followed> files_;
  tools::Fd signals_;
  tools::Fd changes_;  // in the files' directories
};

}  // namespace report
