// Reads files on as they grow, are truncated, and are rotated.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "report/child.h"
#include "report/reader.h"

namespace report {

// One file under its name, or the standard input ("-"), and those that had the name before: a program that has its log
// open goes on writing to the file, whatever it is called now.
class Followed {
 public:
  Followed(std::string name, Reader& reader);

  bool look();            // reads what is new; true where there was something
  bool finished() const;  // nothing more can come
  int waits_for() const;  // what poll can tell about, or -1
  std::string directory() const;
  void finish();  // what has no newline will get none

 private:
  struct Open {
    Fd fd;
    dev_t device = 0;
    ino_t inode = 0;
    bool regular = false;
    off_t at = 0;
    Lines lines;
  };
  void open_anew();
  bool read_on(Open& file);

  std::string name_;
  Reader& reader_;
  std::vector<Open> open_;  // the latest is the last
  bool ended_ = false;
};

class Follower {
 public:
  // SIGINT and SIGTERM end it from now on rather than the process.
  Follower(const std::vector<std::string>& names, Reader& reader);

  enum class News { none, some, end };
  // Waits until something is new, or for this long.
  News wait(std::chrono::milliseconds limit);
  void finish();

 private:
  std::vector<Followed> files_;
  Fd signals_;
  Fd changes_;  // in the files' directories
};

}  // namespace report
