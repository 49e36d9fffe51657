// A temporary directory, and what stands in files.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "support/strings.h"

// Programs of another user may use it, too.
class Directory {
 public:
  Directory() {
    std::string name = std::filesystem::temp_directory_path() / "nosigpipe.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = name;
    std::filesystem::permissions(path_, std::filesystem::perms::all);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path_); }

  std::string path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Its whole lines: of one that is being written the end may be read before all of it is there.
inline std::string lines_so_far(const std::string& path) {
  const auto text = contents(path);
  return text.substr(0, text.rfind('\n') + 1);
}

// A directory below this one whose path has at least so many characters, most of them this one.
inline std::string deep_directory(const Directory& directory, size_t length, char letter) {
  std::string path = directory.path();
  while (path.size() < length) path += "/" + std::string(200, letter);
  std::filesystem::create_directories(path);
  return path;
}
