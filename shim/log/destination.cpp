#include "log/destination.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cerrno>

#include "log/log.h"
#include "log/memory.h"
#include "system/at_start.h"
#include "system/kept_file.h"
#include "system/options.h"
#include "system/text.h"

namespace destination {
namespace {

constinit KeptFile log;
constinit char directory[4096] = "";  // where the program was started: a path counts from there
constinit char path[8192] = "";       // of the file that was last tried to be opened
constinit char way[4096] = "";        // to its directory; the kernel takes no longer path
AT_START constinit std::atomic<std::uint64_t> root = 0;

bool is_socket() { return kind() == Kind::syslog || kind() == Kind::journal; }

// In a chroot another file may have the path of the log.
std::uint64_t root_now() {
  const auto file = kernel::file_at(AT_FDCWD, "/");
  return file.st_ino ^ file.st_dev << 32;
}

std::string_view program() {
  const auto executable = logging::executable();
  return text::part(executable, executable.rfind('/') + 1);
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
      line << program();
    else
      line << text::part(pattern, i, 1);
    if (pair == "%p" || pair == "%e" || pair == "%%") ++i;
  }
  line.ended({"\0", 1});
}

// Where everybody may make files and nobody may remove another's, as in /tmp, whoever comes first has the name. What is
// not ours there, nor the directory's owner's, or has a second name, which may lie anywhere, is no log: as
// fs.protected_regular, _fifos and _hardlinks have it (Documentation/admin-guide/sysctl/fs.rst), where they are set.
bool is_planted(int fd, const kernel::File& folder) {
  constexpr unsigned kForAll = S_ISVTX | S_IWOTH;
  if ((folder.st_mode & kForAll) != kForAll) return false;
  const auto file = kernel::file_at(fd, "");
  return (file.st_uid != folder.st_uid && file.st_uid != static_cast<unsigned>(kernel::uid())) || file.st_nlink > 1;
}

kernel::File folder_of_path() {
  const std::string_view whole(path);
  text::copy(way, text::part(whole, 0, whole.rfind('/') + 1));
  return kernel::file_at(AT_FDCWD, way);
}

long opened_file() {
  if (options::get().log_path[0] != '/' && directory[0] != '/') return -ENAMETOOLONG;
  expand_path();
  const auto folder = folder_of_path();
  constexpr int kHow = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_LARGEFILE;
  const long fd = kernel::call(SYS_openat, AT_FDCWD, path, kHow, 0640);
  if (fd < 0 || !is_planted(static_cast<int>(fd), folder)) return fd;
  kernel::call(SYS_close, fd);
  return -EACCES;
}

long opened_socket() {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string_view where = options::get().log_path;
  if (where.size() >= sizeof name.sun_path) return -ENAMETOOLONG;
  text::copy(name.sun_path, where);
  const long fd = kernel::call(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const long error = fd < 0 ? fd : kernel::call(SYS_connect, fd, &name, sizeof name);
  if (fd >= 0 && error < 0) kernel::call(SYS_close, fd);
  return error < 0 ? error : fd;
}

long opened() { return is_socket() ? opened_socket() : opened_file(); }

// Another thread is at it, for a moment: who has nothing to write to waits for that, with all signals blocked, as it
// is.
int wait_for_other() {
  for (int tries = 0; tries < 100 && log.fd() < 0 && memory->state.is_opening.load() != 0; ++tries)
    kernel::sleep(100'000);
  return log.fd() >= 0 ? 0 : -EBUSY;
}

// 0 or -errno. Where it fails what was open stays. One thread at a time does it. What a child of vfork opens would be
// its own, but what is remembered of it its parent's.
int open_anew() {
  if (root_now() != root.load()) return -EXDEV;
  if (memory->in_child_of_vfork()) return -EBUSY;
  auto& is_opening = memory->state.is_opening;
  if (is_opening.exchange(true)) return wait_for_other();
  const long fd = opened();
  if (fd >= 0) {
    log.keep(static_cast<int>(fd));
    memory->state.has_opened.store(true);
  }
  is_opening.store(false);
  return fd < 0 ? static_cast<int>(fd) : 0;
}

// For one line, in a process that shares our memory and not our descriptors.
long write_in_child_of_vfork(std::string_view bytes, kernel::Signals blocked) {
  const long fd = opened();
  if (fd < 0) return fd;
  KeptFile own;
  own.share(static_cast<int>(fd));
  const long result = nonblocking::write(own, bytes, nonblocking::Description::never_blocks, blocked);
  own.close();
  return result;
}

// Somebody has moved or removed the file, or this is a child, and each process was to have its own.
bool is_outdated() {
  if (kind() != Kind::file) return false;
  const bool has_pid = std::string_view(options::get().log_path).find("%p") != std::string_view::npos;
  return (has_pid && !memory->state.has_opened.load()) || !log.is_at(path);
}

long write_to_open(std::string_view bytes, kernel::Signals blocked) {
  using nonblocking::Description;
  const bool is_shared = kind() == Kind::standard_error;
  return nonblocking::write(log, bytes, is_shared ? Description::shared : Description::never_blocks, blocked);
}

bool is_disconnected(long result) {
  return result == -ECONNREFUSED || result == -ENOTCONN || result == -ECONNRESET || result == -EPIPE;
}

}  // namespace

Kind kind() {
  const auto chosen = options::get().log;
  if (chosen == Log::syslog || chosen == Log::syslog_at) return Kind::syslog;
  if (chosen == Log::journal || chosen == Log::journal_at) return Kind::journal;
  return chosen == Log::file ? Kind::file : Kind::standard_error;
}

void know_start() {
  if (kind() == Kind::standard_error) return log.share(2);
  root.store(root_now());
  if (options::get().log_path[0] != '/') kernel::call(SYS_getcwd, directory, sizeof directory);
}

int open() {
  const kernel::SignalsBlocked blocked;
  return kind() == Kind::standard_error || log.fd() >= 0 ? 0 : open_anew();
}

long write(std::string_view bytes, kernel::Signals blocked, int& error) {
  error = 0;
  for (int tries = 0; tries < 3 && error == 0 && is_outdated(); ++tries) error = -open_anew();
  long result = write_to_open(bytes, blocked);
  const bool is_lost = result == -EBADF && kind() != Kind::standard_error && error == 0;
  if (is_lost || (is_socket() && is_disconnected(result))) {
    error = -open_anew();
    if (error == 0) result = write_to_open(bytes, blocked);
  }
  if (result == -EBADF && error == EBUSY && memory->in_child_of_vfork())
    result = write_in_child_of_vfork(bytes, blocked);
  // Nobody will ever read it; a file, which is then a FIFO, may find a reader again.
  if (kind() == Kind::file && result == -EPIPE) log.close();
  if (kind() == Kind::standard_error && result == -EPIPE) log.forget();
  return result;
}

std::string_view place() { return kind() == Kind::file && path[0] != '\0' ? path : options::get().log_path; }

#ifdef NOSIGPIPE_LATE
void close() { kind() == Kind::standard_error ? log.forget() : log.close(); }
#endif

}  // namespace destination
