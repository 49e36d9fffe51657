#include "doctor/machine_remark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "system/machine_file.h"
#include "tools/fd.h"

namespace doctor {
namespace {

using machine_file::kMost;

std::string why_ignored(const struct stat& file) {
  if (!S_ISREG(file.st_mode)) return "it is no regular file";
  if (file.st_uid != 0) return "it does not belong to root";
  if ((file.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "others than root may write to it";
  return file.st_size > static_cast<off_t>(kMost) ? "it is longer than " + std::to_string(kMost) + " bytes" : "";
}

}  // namespace

std::string machine_remark() {
  const std::string path = machine_file::kPath;
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return "";
  if (const auto why = why_ignored(status); !why.empty()) return path + " is ignored: " + why;
  const tools::Fd file = tools::open_to_read(path, O_NONBLOCK | O_NOCTTY);
  if (!file && errno == EACCES) return path + " is ignored by whoever may not read it, as you";
  std::string text(kMost, '\0');
  const ssize_t length = pread(file.get(), text.data(), text.size(), 0);
  text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  if (machine_file::value(text, "NOSIGPIPE_MODE") != "off") return "";
  return path + " turns nosigpipe off for all that is started on this machine (NOSIGPIPE_MODE=off)";
}

}  // namespace doctor
