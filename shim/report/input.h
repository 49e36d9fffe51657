// The logs to read from their beginning to their end: plain files, gzipped ones, or the standard input.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "report/reader.h"
#include "tools/child.h"
#include "tools/fd.h"

namespace report {

class Input {
 public:
  // Opens the file, and starts zcat where it is gzipped; "-" is the standard input. Waits for a writer where it is a
  // FIFO. Throws std::runtime_error where it cannot be opened, or is a directory.
  explicit Input(const std::string& name);

  // The next bytes into this space: how many, 0 at the end. Waits for them. Throws std::runtime_error where they cannot
  // be read, or the end of a gzipped file is missing.
  std::size_t read(std::span<char> space);

  const std::string& name() const { return name_; }
  // How much has been read, 0 to 100, or -1 where the size is not known.
  int percent() const;

 private:
  std::string name_;
  tools::Fd file_;
  off_t size_ = -1;
  std::unique_ptr<tools::Child> zcat_;
};

// Reads all of it, and throws as the input does; what was read before that is used. Throws also where it has lines, and
// none of nosigpipe. Shows its progress on a terminal.
void read_all(Input& input, Reader& reader);

// The same names without those of a file that one before has named; "-" is the standard input.
std::vector<std::string> without_repeats(const std::vector<std::string>& names);

}  // namespace report
