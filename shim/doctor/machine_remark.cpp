#include "doctor/machine_remark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/machine_file.h"
#include "tools/fd.h"

namespace doctor {

std::string machine_says(const std::string& variable) {
  std::string text(machine_file::kMost, '\0');
  struct stat status {};
  const tools::Fd file = tools::open_to_read(machine_file::kPath, O_NONBLOCK | O_NOCTTY);
  if (!file || fstat(file.get(), &status) != 0 ||
      machine_file::why_ignored(status.st_mode, status.st_uid, status.st_size) != nullptr)
    return "";
  const ssize_t length = pread(file.get(), text.data(), text.size(), 0);
  text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return std::string(machine_file::value(text, variable));
}

std::string machine_remark() {
  const std::string path = machine_file::kPath;
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return "";
  if (const char* why = machine_file::why_ignored(status.st_mode, status.st_uid, status.st_size); why != nullptr)
    return path + " is ignored: " + why;
  if (access(path.c_str(), R_OK) != 0) return path + " is ignored by whoever may not read it, as you";
  if (machine_says("NOSIGPIPE_MODE") != "off") return "";
  return path + " turns nosigpipe off for all that is started on this machine (NOSIGPIPE_MODE=off)";
}

}  // namespace doctor
