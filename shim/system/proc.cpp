#include "system/proc.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include <string_view>

#include "system/clock.h"
#include "system/kernel.h"
#include "system/lines.h"
#include "system/opened.h"
#include "system/text.h"

namespace proc {
namespace {

// The first bytes of a file; -1 where it cannot be read.
long read_start(const char* path, char* to, std::size_t size) {
  const Opened file(path);
  const int fd = file.fd();
  return fd < 0 ? -1 : kernel::read_at(fd, to, size, 0);
}

// The number behind this name, in so many first bytes of a file; -1 where it is not there. What is asked for stands far
// in front, and a signal handler's stack is small.
template <std::size_t kBytes>
long long number_in(const char* path, std::string_view name) {
  char start[kBytes];
  const long length = read_start(path, start, sizeof start);
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
  const Opened file("/proc/self/status");
  const int fd = file.fd();
  Status status{fd >= 0, file.is_put_off(), false, false};
  if (fd < 0) return status;
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
  return status;
}

bool is_traced() { return number_in<256>("/proc/thread-self/status", "\nTracerPid:\t") > 0; }

int fd_limit() { return static_cast<int>(number_in<384>("/proc/thread-self/status", "\nFDSize:\t")); }

// A directory has two links and one for each thread's directory in it: no descriptor is needed to count them.
bool single_threaded() { return kernel::file_at(AT_FDCWD, "/proc/self/task").st_nlink == 3; }

std::string_view program_of(int pid, char* room, std::size_t size) {
  text::Sized<64> link;
  link << "/proc/" << pid << "/exe";
  const long length = kernel::call(SYS_readlinkat, AT_FDCWD, link.ended({"\0", 1}).data(), room, size);
  const std::string_view path(room, length > 0 ? static_cast<std::size_t>(length) : 0);
  return text::part(path, path.rfind('/') + 1);
}

long long bytes_written() { return number_in<256>("/proc/thread-self/io", "\nwchar: "); }

#ifdef NOSIGPIPE_LATE
// The 22nd field of stat, in ticks since the machine began; the second is in brackets, and may be anything.
long long started() {
  const auto now = kernel::clock_by_call(CLOCK_REALTIME).tv_sec;
  char start[512];
  const long length = read_start("/proc/self/stat", start, sizeof start);
  std::string_view rest(start, length > 0 ? static_cast<std::size_t>(length) : 0);
  rest = text::part(rest, rest.rfind(')'));
  for (int field = 2; field < 22 && !rest.empty(); ++field) {
    rest = text::part(rest, rest.find(' '));
    rest = text::part(rest, 1);
  }
  long long ticks = 0;
  for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1))
    ticks = ticks * 10 + (rest.front() - '0');
  const auto a_second = static_cast<long long>(getauxval(AT_CLKTCK));
  if (ticks == 0 || a_second == 0) return now;
  return now - kernel::clock_by_call(CLOCK_BOOTTIME).tv_sec + ticks / a_second;
}
#endif

}  // namespace proc
