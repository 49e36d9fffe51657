// What only root can have for the soak: a disk that is small, and the kernel's tracefs. Both are mounted in a mount
// namespace of this process, and are gone with it.
#pragma once

#include <string>

struct Mounts {
  explicit Mounts(const std::string& directory);
  Mounts(const Mounts&) = delete;
  Mounts& operator=(const Mounts&) = delete;
  ~Mounts();

  std::string small_disk;  // empty: there is none
  std::string tracefs;
};
