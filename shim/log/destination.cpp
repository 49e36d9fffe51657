#include "log/destination.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cerrno>

#include "log/call_sites.h"
#include "system/kept_file.h"
#include "system/kernel.h"
#include "system/options.h"
#include "system/text.h"

namespace destination {
namespace {

constinit KeptFile log;
constinit char directory[4096] = "";  // where the program was started: a path counts from there
constinit char program[256] = "";     // its file's name
constinit char path[8192] = "";       // of the file that was opened last
constinit std::atomic<bool> has_pid = false;
constinit std::atomic<int> opened_by = 0;  // a pid
constinit std::atomic<std::uint64_t> root = 0;
constinit std::atomic<bool> gave_up = false;

// One thread at a time opens the log anew. Any other does not wait, but goes without.
constinit std::atomic<int> busy = 0;  // the thread
class Claim {
 public:
  Claim() {
    int nobody = 0;
    mine_ = busy.compare_exchange_strong(nobody, kernel::tid());
    // A child of fork has not got the thread that was at it.
    if (!mine_ && kernel::call(SYS_tgkill, kernel::pid(), nobody, 0) == -ESRCH)
      mine_ = busy.compare_exchange_strong(nobody, kernel::tid());
  }
  ~Claim() {
    if (mine_) busy.store(0);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  explicit operator bool() const { return mine_; }

 private:
  bool mine_;
};

bool is_socket() { return kind() == Kind::syslog || kind() == Kind::journal; }

// In a chroot another file may have the path of the log.
std::uint64_t root_now() {
  const auto file = kernel::file_at(AT_FDCWD, "/");
  return file.st_ino ^ file.st_dev << 32;
}

// Puts the pid for %p and the program's name for %e, and the directory before a relative path.
void expand_path() {
  text::Line line(path, sizeof path);
  const std::string_view pattern = options::get().log_path;
  if (!pattern.starts_with('/')) line << directory << "/";
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const auto pair = text::part(pattern, i, 2);
    if (pair == "%p")
      line << kernel::pid();
    else if (pair == "%e")
      line << program;
    else
      line << text::part(pattern, i, 1);
    if (pair == "%p" || pair == "%e" || pair == "%%") ++i;
  }
  line.ended({"\0", 1});
}

int connected() {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string_view where = options::get().log_path;
  if (where.size() >= sizeof name.sun_path) return -ENAMETOOLONG;
  text::copy(name.sun_path, where);
  const long fd = kernel::call(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return static_cast<int>(fd);
  const long result = kernel::call(SYS_connect, fd, &name, sizeof name);
  if (result == 0) return static_cast<int>(fd);
  kernel::call(SYS_close, fd);
  return static_cast<int>(result);
}

int opened_file() {
  expand_path();
  constexpr int kHow = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  return static_cast<int>(kernel::call(SYS_openat, AT_FDCWD, path, kHow, 0644));
}

// 0 or -errno. Where it fails what was open stays. What a child of vfork opens would be its own, but what is remembered
// of it its parent's.
int open_again() {
  if (call_sites::in_child_of_vfork()) return -EBUSY;
  const int fd = is_socket() ? connected() : opened_file();
  if (fd < 0) return fd;
  log.keep(fd, true);
  opened_by.store(kernel::pid());
  return 0;
}

// Somebody has moved or removed the file, or this is a child, and each process was to have its own.
bool is_outdated() {
  if (is_socket()) return false;
  if (has_pid.load() && opened_by.load() != kernel::pid()) return true;
  return log.differs_from(path);
}

// -1 if the log is out of reach.
int fd_now() {
  const int fd = log.fd();
  if (kind() == Kind::standard_error || (fd >= 0 && !is_outdated()) || root_now() != root.load()) return fd;
  const Claim claim;
  if (claim) open_again();
  return log.fd();
}

bool is_disconnected(long result) {
  return result == -ECONNREFUSED || result == -ENOTCONN || result == -ECONNRESET || result == -EPIPE;
}

}  // namespace

Kind kind() {
  switch (options::get().log) {
    case Log::syslog:
    case Log::syslog_at:
      return Kind::syslog;
    case Log::journal:
    case Log::journal_at:
      return Kind::journal;
    case Log::file:
      return Kind::file;
    default:
      return Kind::standard_error;
  }
}

int open(std::string_view executable) {
  if (kind() == Kind::standard_error) {
    log.share(2);
    return 0;
  }
  root.store(root_now());
  const bool is_relative = kind() == Kind::file && options::get().log_path[0] != '/';
  if (is_relative && (kernel::call(SYS_getcwd, directory, sizeof directory) < 1 || directory[0] != '/'))
    return ENAMETOOLONG;
  text::copy(program, text::part(executable, executable.rfind('/') + 1));
  has_pid.store(std::string_view(options::get().log_path).find("%p") != std::string_view::npos);
  return -open_again();
}

long write(const nonblocking::SignalsBlocked& blocked, std::string_view bytes) {
  if (gave_up.load() || fd_now() < 0) return -EBADF;
  long result = nonblocking::write(blocked, log.fd(), bytes);
  if (is_socket() && is_disconnected(result) && root_now() == root.load()) {
    const Claim claim;  // the daemon was started anew
    if (claim && open_again() == 0) result = nonblocking::write(blocked, log.fd(), bytes);
  }
  // Nobody will ever read it; a file, which is then a FIFO, may find a reader again.
  if (kind() == Kind::file && result == -EPIPE) log.close();
  if (kind() == Kind::standard_error && result == -EPIPE) gave_up.store(true);
  return result;
}

}  // namespace destination
