// Where the log's lines go while a program closes any fd, or gives its number to a file of its own: no schedule in
// which a line goes to another file, or another file is closed, but for one: the number changes its file between the
// question what it is and the call that follows at once, which the kernel makes no single call of. The descriptors are
// a model.
#include "interleavings/yielding.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>

#include "log/destination.h"
#include "log/log.h"
#include "log/memory.h"
#include "log/unopened.h"
#include "program/policy.h"
#include "system/options.h"

namespace {

using schedules::must;

enum : int { kNone = 0, kLog = 10, kRotated = 11, kOfProgram = 20 };
constexpr long kKept = 100;  // the lowest number that the log takes

Options chosen{};
struct Model {
  std::array<int, 110> files{};      // the inode of each fd
  int at_path = kLog;                // that of the file that has the log's name
  std::array<long, 4> asked_last{};  // of each thread: the fd that was the log's when it asked
  std::array<int, 30> lines{};       // by inode
  int written = 0;                   // lines of which the shim believes so
} now;

bool is_ours(int file) { return file == kLog || file == kRotated; }
int& file_of(long fd) { return now.files[static_cast<std::size_t>(fd)]; }
long& asked_last() { return now.asked_last[static_cast<std::size_t>(schedules::running() + 1)]; }
bool is_open(long fd) { return fd >= 0 && fd < static_cast<long>(now.files.size()) && file_of(fd) != kNone; }

void step(bool writes, const char* what) { schedules::before(&now.files, writes, what); }

long lowest(long from, int file) {
  while (file_of(from) != kNone) ++from;
  file_of(from) = file;
  return from;
}

long looked(const char* path, arch::File& file) {
  const std::string_view name(path);
  return name == "/" ? (file.st_ino = 2, 0) : (file.st_ino = static_cast<ino_t>(now.at_path), 0);
}

long looked_at(long fd, arch::File& file) {
  step(false, "looks at an fd");
  asked_last() = is_open(fd) && is_ours(file_of(fd)) ? fd : -1;
  if (!is_open(fd)) return -EBADF;
  file.st_ino = static_cast<ino_t>(file_of(fd));
  file.st_mode = S_IFREG;
  return 0;
}

void must_be_ours(long fd, const char* what) { must(!is_open(fd) || is_ours(file_of(fd)) || asked_last() == fd, what); }

long written(long fd, long size) {
  step(true, "writes a line");
  must_be_ours(fd, "a line goes to a file of the program's");
  if (!is_open(fd)) return -EBADF;
  ++now.lines[static_cast<std::size_t>(file_of(fd))];
  return size;
}

long closed(long fd) {
  step(true, "closes an fd");
  must_be_ours(fd, "a file of the program's is closed");
  if (!is_open(fd)) return -EBADF;
  file_of(fd) = kNone;
  return 0;
}

long doubled(long fd, long to) {
  step(true, "makes one fd another");
  must_be_ours(to, "a file of the program's is closed");
  if (!is_open(fd)) return -EBADF;
  file_of(to) = file_of(fd);
  return to;
}

long opened() {
  step(true, "opens the log");
  return lowest(3, now.at_path);
}

long controlled(long fd, long command, long from) {
  if (command != F_DUPFD_CLOEXEC) return -EINVAL;  // no locks
  step(true, "moves an fd up");
  return is_open(fd) ? lowest(from, file_of(fd)) : -EBADF;
}

}  // namespace

const Options& options::get() { return chosen; }
bool policy::started_in_filter() { return false; }
std::string_view logging::executable() { return "/program"; }

long arch::modelled_call(long number, long a, long b, long c, long d, long) {
  switch (number) {
    case SYS_getpid:
      return 1000;
    case SYS_rt_sigprocmask:
      return 0;
    case SYS_nanosleep:
      schedules::sleep();
      return 0;
    case SYS_newfstatat: {
      const auto* const path = reinterpret_cast<const char*>(b);
      auto& file = *reinterpret_cast<arch::File*>(c);
      return *path == '\0' ? looked_at(a, file) : looked(path, file);
    }
    case SYS_openat:
      return opened();
    case SYS_fcntl:
      return controlled(a, b, c);
    case SYS_dup3:
      return doubled(a, b);
    case SYS_close:
      return closed(a);
    case SYS_write:
      return written(a, c);
    default:
      schedules::wrong("system call " + std::to_string(number) + " is not modelled");
      return d - d - ENOSYS;
  }
}

long modelled_syscall(long, long, long, long, long, long, long) { return -ENOSYS; }

namespace {

void write_line() {
  int error = 0;
  const kernel::SignalsBlocked blocked;
  if (destination::write("line\n", 0, error) == 5) ++now.written;
}

void begin() {
  now = {};
  for (int fd = 0; fd < 3; ++fd) file_of(fd) = kOfProgram;
  static Memory* const own = new Memory();
  memory = own;
  memory->owner.store(1000);
  destination::know_start();
}

void with_log() {
  begin();
  write_line();
}

void rotated() {
  with_log();
  now.at_path = kRotated;
}

// dup2(2) by the program, of a file of its own.
void takes_number() {
  step(true, "the program takes the number");
  file_of(kKept) = kOfProgram;
}
void closes_all() {
  step(true, "the program closes all");
  for (std::size_t fd = 3; fd < now.files.size(); ++fd) now.files[fd] = kNone;
}
void closes_and_takes() {
  closes_all();
  takes_number();
}

void check() {
  const auto& lines = now.lines;
  must(lines[kLog] + lines[kRotated] + lines[kOfProgram] == now.written, "a line is believed to be written");
}

void check_undisturbed() {
  check();
  int open = 0;
  for (const int file : now.files) open += is_ours(file);
  must(now.lines[kOfProgram] == 0, "a line goes to a file of the program's");
  must(open == 1, "the log has not one fd");
}

void check_two() {
  check_undisturbed();
  must(now.written == 2, "a line is lost");
}

}  // namespace

int main() {
  chosen.log = Log::file;
  chosen.log_path = "/log";
  bool holds = true;
  const auto hold = [&](const char* name, auto begins, std::vector<std::function<void()>> threads, auto after) {
    holds = schedules::hold({name, begins, std::move(threads), after}) && holds;
  };
  hold("two first lines", begin, {write_line, write_line}, check_two);
  hold("two lines where the log was rotated", rotated, {write_line, write_line}, check_undisturbed);
  hold("a line and a number that is taken", with_log, {write_line, takes_number}, check);
  hold("a first line and a number that is taken", begin, {write_line, takes_number}, check);
  hold("a line as all is closed", with_log, {write_line, closes_all}, check);
  hold("a line as all is closed and the number taken", with_log, {write_line, closes_and_takes}, check);
  hold("two lines as all is closed", with_log, {write_line, write_line, closes_all}, check);
  hold("a line where the log was rotated, and a number that is taken", rotated, {write_line, takes_number}, check);
  hold("two lines and a number that is taken", with_log, {write_line, write_line, takes_number}, check);
  return holds ? 0 : 1;
}
