// Opens binaries and debug files, with care: a log may name any path, and an ELF file may lie about itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report/timestamp.h"
#include "tools/fd.h"

namespace report {

class Elf {
 public:
  // Nothing where the path is not absolute, or leads to no regular file on a real file system, or to one that does not
  // begin as ELF does. What is no regular file is not even opened: that alone can rewind a tape or wait for a writer.
  // For root nothing, too, where it is_another_users().
  static std::optional<Elf> open(const std::string& path);
  // Whether it is root that reads, and the file belongs neither to root nor to who has called sudo(8): who writes a log
  // must not choose what root has parsed.
  static bool is_another_users(const std::string& path);

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  const std::string& build_id() const { return build_id_; }      // in hex, empty where there is none
  const std::string& debug_link() const { return debug_link_; }  // the name of a debug file, without a directory
  std::uint32_t debug_link_crc() const { return debug_link_crc_; }
  bool has_lines() const { return has_lines_; }   // DWARF's line table
  Timestamp changed() const { return changed_; }  // its contents, name or mode
  // Which of these addresses, which are sorted, are inside of a function that a symbol gives a size to. A symbol
  // without one is only the next that comes before: a symbolizer names it all the same.
  std::vector<bool> in_functions(const std::vector<std::uint64_t>& addresses) const;
  // Of the whole file, which is read for it: the CRC-32 that a debug link names.
  std::uint32_t crc() const;

 private:
  Elf(tools::Fd fd, std::string path, Timestamp changed)
      : fd_(std::move(fd)), path_(std::move(path)), changed_(changed) {}
  template <class Header, class Section, class Note>
  void read_sections();
  template <class Symbol>
  void find_functions(const std::vector<std::uint64_t>& addresses, std::vector<bool>& in_one) const;

  tools::Fd fd_;
  std::string path_;
  Timestamp changed_;
  std::string build_id_;
  std::string debug_link_;
  std::uint32_t debug_link_crc_ = 0;
  bool has_lines_ = false;
  bool is_64_bit_ = false;
  bool hides_symbols_ = false;  // compressed, where a symbolizer may find more than is found here
  struct Table {
    std::uint64_t offset, size;
  };
  std::vector<Table> symbols_;
};

}  // namespace report
