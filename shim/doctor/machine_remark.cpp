#include "doctor/machine_remark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "system/machine_file.h"
#include "tools/fd.h"

namespace doctor {

std::string machine_remark() {
  const std::string path = machine_file::kPath;
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return "";
  if (const char* why = machine_file::why_ignored(status.st_mode, status.st_uid, status.st_size); why != nullptr)
    return path + " is ignored: " + why;
  const tools::Fd file = tools::open_to_read(path, O_NONBLOCK | O_NOCTTY);
  if (!file && errno == EACCES) return path + " is ignored by whoever may not read it, as you";
  std::string text(machine_file::kMost, '\0');
  const ssize_t length = pread(file.get(), text.data(), text.size(), 0);
  text.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  if (machine_file::value(text, "NOSIGPIPE_MODE") != "off") return "";
  return path + " turns nosigpipe off for all that is started on this machine (NOSIGPIPE_MODE=off)";
}

}  // namespace doctor
