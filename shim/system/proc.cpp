#include "system/proc.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <string_view>

#include "system/kernel.h"
#include "system/lines.h"
#include "system/text.h"

namespace proc {
namespace {

int open(const char* path) { return static_cast<int>(kernel::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC)); }

// The number behind this name, in the first bytes of a file; -1 where it is not there. What is asked for stands far in
// front, and a signal handler's stack is small.
long long number_in(const char* path, std::string_view name) {
  char start[512];
  const int fd = open(path);
  if (fd < 0) return -1;
  const long length = kernel::call(SYS_read, fd, start, sizeof start);
  kernel::call(SYS_close, fd);
  if (length <= 0) return -1;
  const std::string_view text(start, static_cast<std::size_t>(length));
  const auto at = text.find(name);
  if (at == text.npos) return -1;
  long long number = 0;
  for (auto i = at + name.size(); i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
    number = number * 10 + (text[i] - '0');
  return number;
}

}  // namespace

Status status() {
  const int fd = open("/proc/self/status");
  if (fd < 0) return {};
  Status status{true, false, false};
  Lines<128, 512> lines;  // the hook that asks first may be on a small stack
  lines.begin(fd);
  for (std::string_view line; lines.next(line);) {
    if (text::begins(line, "TracerPid:")) {
      status.is_traced = line != "TracerPid:\t0";
    } else if (text::begins(line, "Seccomp:")) {
      status.has_filter = line != "Seccomp:\t0";
      break;  // the last of them
    }
  }
  kernel::call(SYS_close, fd);
  return status;
}

bool is_traced() { return number_in("/proc/thread-self/status", "\nTracerPid:\t") > 0; }

int fd_limit() { return static_cast<int>(number_in("/proc/thread-self/status", "\nFDSize:\t")); }

// A directory has two links and one for each thread's directory in it: no descriptor is needed to count them.
bool single_threaded() { return kernel::file_at(AT_FDCWD, "/proc/self/task").st_nlink == 3; }

long long bytes_written() { return number_in("/proc/thread-self/io", "\nwchar: "); }

}  // namespace proc
