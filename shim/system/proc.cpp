#include "system/proc.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <string_view>

#include "system/kernel.h"

namespace proc {
namespace {

// Whether a line of this name is there with something else than 0 in it.
bool set(std::string_view lines, std::string_view name) {
  const auto at = lines.find(name);
  if (at == lines.npos) return false;
  lines.remove_prefix(at + name.size());
  return lines.find("0\n") != 0;
}

}  // namespace

Status status() {
  char buffer[8192];
  const long fd = kernel::call(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const long length = kernel::call(SYS_read, fd, buffer, sizeof buffer);
  kernel::call(SYS_close, fd);
  if (length <= 0) return {};
  const std::string_view lines(buffer, static_cast<std::size_t>(length));
  return {set(lines, "\nTracerPid:\t"), set(lines, "\nSeccomp:\t")};
}

// A directory has two links and one for each thread's directory in it: no descriptor is needed to count them.
bool single_threaded() { return kernel::file_at(AT_FDCWD, "/proc/self/task").st_nlink == 3; }

}  // namespace proc
