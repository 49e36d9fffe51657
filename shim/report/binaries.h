// Finds the file that can tell the source lines of a binary, and makes sure that it is of the same build.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/elf.h"

namespace report {

// A binary as the log names it.
struct Binary {
  std::string path;
  std::string build_id;  // empty where the log does not tell
  Moment since = 0;      // when the log first met it
};

struct Found {
  std::optional<Elf> file;  // what to ask; of the same build for certain
  std::string note;         // what the reader should know
};

class Binaries {
 public:
  // Debug files and binaries that have moved are looked for in these directories, too.
  explicit Binaries(std::vector<std::string> search);

  Found find(const Binary& binary);

 private:
  std::optional<Elf> debug_file_of(const Elf& binary);
  std::optional<Elf> by_build_id(const std::string& build_id);
  void index_search();

  std::vector<std::string> search_;
  std::vector<std::string> roots_;                           // of .build-id/xx/yyyy.debug
  std::optional<std::map<std::string, std::string>> index_;  // what is in search_: build id to path
};

}  // namespace report
