// Finds the file that has the source lines of a binary, and makes sure that it is of the same build.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/elf.h"
#include "report/timestamp.h"

namespace report {

// A binary as the log names it.
struct Binary {
  std::string path;
  std::string build_id;  // in hex; empty where the log has none
  Timestamp since;       // of its first record
};

constexpr const char* kNoLines = "no debug information";

struct Found {
  std::optional<Elf> file;  // to ask for lines; of the same build for certain
  std::string note;         // for the user: why there are no lines, or what is special about them
};

class Binaries {
 public:
  // Debug files and binaries that have moved are looked for below these directories, too.
  explicit Binaries(std::vector<std::string> search);

  // May read a hundred thousand files below those directories when it is first needed.
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
