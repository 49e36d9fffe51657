// The files to read: plain, gzipped, or the standard input.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "report/child.h"
#include "report/reader.h"

namespace report {

class Input {
 public:
  // "-" is the standard input. Throws std::runtime_error where it cannot be read.
  explicit Input(const std::string& name);

  // The next bytes into this space: how many, 0 at the end. Throws std::runtime_error.
  std::size_t read(std::span<char> space);

  const std::string& name() const { return name_; }
  int fd() const { return file_.get(); }
  bool zipped() const { return zcat_ != nullptr; }
  // How far in hundredths, or -1 where nobody knows.
  int percent() const;

 private:
  std::string name_;
  Fd file_;
  off_t size_ = -1;
  std::unique_ptr<Child> zcat_;
};

// Reads all of it. After a second of this, and where standard error is a terminal, how far it is stands there.
void read_all(Input& input, Reader& reader);

}  // namespace report
