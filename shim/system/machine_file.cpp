#include "system/machine_file.h"

#include <sys/stat.h>

#include "system/kernel.h"
#include "system/opened.h"

namespace machine_file {

std::string_view read(char (&room)[kMost]) {
  const Opened file(kPath);
  if (file.fd() < 0) return {};
  const auto found = kernel::file_at(file.fd(), "");
  const bool is_roots_alone = S_ISREG(found.st_mode) && found.st_uid == 0 && (found.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  if (!is_roots_alone || found.st_size > static_cast<long long>(kMost)) return {};
  const long length = kernel::read_at(file.fd(), room, kMost, 0);
  return {room, length > 0 ? static_cast<std::size_t>(length) : 0};
}

}  // namespace machine_file
