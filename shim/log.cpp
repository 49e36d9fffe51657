#include "log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#include <atomic>
#include <cerrno>

#include "kernel.h"
#include "options.h"

namespace logging {
namespace {

// High, out of the way of programs that expect the lowest descriptors, and of their select.
constexpr int kLowestFd = 100;

constinit std::atomic<int> log_fd = -1;

// What the log was when it was opened. The program may close our fd and use its number for something else.
constinit kernel::File opened{};

bool is_ours(int fd) {
  const auto file = kernel::file_at(fd, "");
  return fd >= 0 && file.st_ino != 0 && file.st_ino == opened.st_ino && file.st_dev == opened.st_dev;
}

int open_file() {
  const auto* path = options::get().log_path;
  constexpr int kHow = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  const long low = kernel::call(SYS_openat, AT_FDCWD, path, kHow, 0644);
  if (low < 0) return static_cast<int>(low);
  const long high = kernel::call(SYS_fcntl, low, F_DUPFD_CLOEXEC, kLowestFd);
  if (high < 0) return static_cast<int>(low);
  kernel::call(SYS_close, low);
  return static_cast<int>(high);
}

bool takes_a_line(int fd) {
  pollfd log{fd, POLLOUT, 0};
  const long at_once[2] = {0, 0};
  return kernel::call(SYS_ppoll, &log, 1, at_once, nullptr, 0) == 1 && (log.revents & POLLOUT) != 0;
}

long send_at_once(int fd, std::string_view line) {
  iovec part{const_cast<char*>(line.data()), line.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return kernel::call(SYS_sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// A pipe or terminal may take the first bytes and then wait. Whether it does belongs to the open file description,
// which the program shares: so one of our own is opened for this line.
long write_at_once(int fd, std::string_view line) {
  char path[] = "/proc/self/fd/\0\0\0\0\0\0\0\0\0\0";
  char* end = path + sizeof "/proc/self/fd/" - 1;
  for (int rest = fd, power = 1'000'000'000; power > 0; rest %= power, power /= 10)
    if (fd >= power || power == 1) *end++ = static_cast<char>('0' + rest / power);
  const long own = kernel::call(SYS_openat, AT_FDCWD, path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own < 0) return takes_a_line(fd) ? kernel::call(SYS_write, fd, line.data(), line.size()) : 0;
  const long result = kernel::call(SYS_write, own, line.data(), line.size());
  kernel::call(SYS_close, own);
  return result;
}

long write_line(int fd, std::string_view line) {
  const auto mode = kernel::file_at(fd, "").st_mode;
  if (S_ISSOCK(mode)) return send_at_once(fd, line);
  if (S_ISREG(mode)) return kernel::call(SYS_write, fd, line.data(), line.size());
  return write_at_once(fd, line);
}

// Without what a write may raise: SIGPIPE, SIGXFSZ at the limit of the file's size, SIGTTOU in the background. False
// where nobody will ever read what is written.
bool write_quietly(int fd, std::string_view line) {
  constexpr int kSignals[] = {SIGPIPE, SIGXFSZ, SIGTTOU};
  kernel::Signals all = 0;
  for (const int signal : kSignals) all |= kernel::only(signal);
  const auto before = kernel::change_mask(SIG_BLOCK, all);
  const auto pending = kernel::pending();
  const long result = write_line(fd, line);
  siginfo_t info{};
  const kernel::Signals raised = result == -EPIPE   ? kernel::only(SIGPIPE)
                                 : result == -EFBIG ? kernel::only(SIGXFSZ)
                                                    : 0;
  if ((raised & ~pending) != 0) kernel::take_pending(raised, &info);
  kernel::change_mask(SIG_SETMASK, before);
  return result != -EPIPE;
}

}  // namespace

bool wanted() { return options::get().log != Log::none && options::get().mode != Mode::off; }

void open() {
  if (!wanted()) return;
  const int fd = options::get().log == Log::file ? open_file() : 2;
  if (fd < 0) {
    text::Line line;
    line << "nosigpipe: cannot open the log ";
    line.quoted(options::get().log_path) << " (errno " << -fd << "); nothing will be told";
    warn(line);
    return;
  }
  opened = kernel::file_at(fd, "");
  log_fd.store(fd);
}

void write(text::Line& line) {
  const int fd = log_fd.load();
  if (is_ours(fd) && !write_quietly(fd, line.ended())) log_fd.store(-1);
}

void warn(text::Line& line) { write_quietly(2, line.ended()); }

// Days to a date: years are counted from March, so that the leap day is the last of its year.
void add_time(text::Line& line) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const auto seconds = static_cast<std::uint64_t>(now.tv_sec);
  const std::uint64_t days = seconds / 86400 + 719468;  // since 1 March of the year 0
  const std::uint64_t era = days / 146097;
  const std::uint64_t day_of_era = days % 146097;
  const std::uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint64_t month = (5 * day_of_year + 2) / 153;  // from March
  const std::uint64_t day = day_of_year - (153 * month + 2) / 5 + 1;
  line.padded(era * 400 + year_of_era + (month < 10 ? 0 : 1), 4) << "-";
  line.padded(month < 10 ? month + 3 : month - 9, 2) << "-";
  line.padded(day, 2) << "T";
  line.padded(seconds / 3600 % 24, 2) << ":";
  line.padded(seconds / 60 % 60, 2) << ":";
  line.padded(seconds % 60, 2) << ".";
  line.padded(static_cast<std::uint64_t>(now.tv_nsec) / 1000, 6) << "Z";
}

[[gnu::noinline]] static void write_runaway(int fd, unsigned epipes, const char* action) {
  text::Line line;
  line << "nosigpipe: ";
  add_time(line);
  line << " pid=" << kernel::pid() << " tid=" << kernel::tid() << " runaway fd=" << fd << " epipes=" << epipes
       << " action=" << action;
  write(line);
}

void runaway(int fd, unsigned epipes, const char* action) {
  if (wanted()) write_runaway(fd, epipes, action);
}

}  // namespace logging
