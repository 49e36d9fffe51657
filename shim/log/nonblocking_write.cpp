#include "log/nonblocking_write.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

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
long counted(long result) {
  if (result > 0) thread.logged += result;
  return result;
}

long write_counted(long fd, std::string_view bytes) {
  return counted(kernel::call(SYS_write, fd, bytes.data(), bytes.size()));
}

long write_without_waiting(int fd, std::string_view bytes) {
  const iovec all{const_cast<char*>(bytes.data()), bytes.size()};
  return counted(nosigpipe_syscall(SYS_pwritev2, fd, kernel::word(&all), 1, -1, -1, RWF_NOWAIT));
}

// A pipe or terminal may take the first bytes and then wait. Whether it does belongs to the open file description,
// which the program shares. A pipe is told (since Linux 6.4) that this write may not; for a terminal or a FIFO a
// description of our own is opened, for this line.
long write_at_once(const KeptFile& to, int fd, std::string_view bytes) {
  const long at_once = write_without_waiting(fd, bytes);
  if (at_once >= 0 || at_once == -EAGAIN || at_once == -EPIPE) return at_once;
  text::Sized<32> path;
  path << "/proc/self/fd/" << fd;
  const auto* name = path.ended({"\0", 1}).data();
  const long own = kernel::call(SYS_openat, AT_FDCWD, name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own < 0) {
    const int events = kernel::poll_now(fd, POLLOUT);
    return events > 0 && (events & POLLOUT) != 0 ? write_counted(fd, bytes) : -EAGAIN;
  }
  const long result = to.is_open_at(own) ? write_counted(own, bytes) : -EAGAIN;
  if (to.is_open_at(own)) kernel::call(SYS_close, own);  // its number may have been taken meanwhile
  return result;
}

}  // namespace

// What the write has raised, at a pipe without readers or at the limit of a file's size, is taken back.
long write(const KeptFile& to, std::string_view bytes, Description description, kernel::Signals blocked) {
  const auto raises = kernel::only(SIGPIPE) | kernel::only(SIGXFSZ);
  const bool asks = description == Description::shared || (blocked & raises) != 0;
  const auto pending = asks ? kernel::pending() : kernel::Signals{0};
  const auto [fd, mode] = to.now();  // nothing comes between this question and the write
  if (fd < 0) return -EBADF;
  const bool may_wait = description == Description::shared && !S_ISREG(mode);
  const long result = S_ISSOCK(mode) ? send_at_once(fd, bytes)
                      : may_wait     ? write_at_once(to, fd, bytes)
                                     : write_counted(fd, bytes);
  const int raised = result == -EPIPE ? SIGPIPE : result == -EFBIG ? SIGXFSZ : 0;
  if (raised != 0 && (pending & kernel::only(raised)) == 0) kernel::take_pending(kernel::only(raised), nullptr);
  return result;
}

}  // namespace nonblocking
