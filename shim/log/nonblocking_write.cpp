#include "log/nonblocking_write.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>

#include "program/thread_state.h"
#include "system/text.h"

namespace nonblocking {
namespace {

long send_at_once(int fd, std::string_view bytes) {
  const long data = kernel::word(bytes.data());
  const long size = kernel::word(bytes.size());
  return nosigpipe_syscall(SYS_sendto, fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
}

// Of this thread /proc/thread-self/io counts these bytes, too: see guard/runaway.
long write_counted(int fd, std::string_view bytes) {
  const long result = kernel::call(SYS_write, fd, bytes.data(), bytes.size());
  if (result > 0) thread.logged += result;
  return result;
}

// A pipe or terminal may take the first bytes and then wait. Whether it does belongs to the open file description,
// which the program shares: so one of our own is opened for this line.
long write_at_once(int fd, std::string_view bytes) {
  text::Sized<32> path;
  path << "/proc/self/fd/" << fd;
  const auto* name = path.ended({"\0", 1}).data();
  const long own = kernel::call(SYS_openat, AT_FDCWD, name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own < 0) {
    const int events = kernel::poll_now(fd, POLLOUT);
    return events > 0 && (events & POLLOUT) != 0 ? write_counted(fd, bytes) : -EAGAIN;
  }
  const long result = write_counted(static_cast<int>(own), bytes);
  kernel::call(SYS_close, own);
  return result;
}

}  // namespace

// What the write has raised, at a pipe without readers or at the limit of a file's size, is taken back.
long write(int fd, std::string_view bytes) {
  if (fd < 0) return -EBADF;
  const auto pending = kernel::pending();
  const auto mode = kernel::file_at(fd, "").st_mode;
  const auto write_it = S_ISSOCK(mode) ? send_at_once : S_ISREG(mode) ? write_counted : write_at_once;
  const long result = write_it(fd, bytes);
  const int raised = result == -EPIPE ? SIGPIPE : result == -EFBIG ? SIGXFSZ : 0;
  if (raised != 0 && (pending & kernel::only(raised)) == 0) kernel::take_pending(kernel::only(raised), nullptr);
  return result;
}

}  // namespace nonblocking
