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

bool takes_a_line(int fd) {
  const int events = kernel::poll_now(fd, POLLOUT);
  return events > 0 && (events & POLLOUT) != 0;
}

long send_at_once(int fd, std::string_view bytes) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return kernel::call(SYS_sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// Of this thread /proc/thread-self/io counts these bytes, too: see guard/runaway.
long write_counted(long fd, std::string_view bytes) {
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
  if (own < 0) return takes_a_line(fd) ? write_counted(fd, bytes) : 0;
  const long result = write_counted(own, bytes);
  kernel::call(SYS_close, own);
  return result;
}

long write_anyhow(int fd, std::string_view bytes) {
  const auto mode = kernel::file_at(fd, "").st_mode;
  if (S_ISSOCK(mode)) return send_at_once(fd, bytes);
  if (S_ISREG(mode)) return write_counted(fd, bytes);
  return write_at_once(fd, bytes);
}

}  // namespace

// What the write has raised, at a pipe without readers or at the limit of a file's size, is taken back.
long write(const SignalsBlocked&, int fd, std::string_view bytes) {
  const auto pending = kernel::pending();
  const long result = write_anyhow(fd, bytes);
  siginfo_t info{};
  const kernel::Signals raised = result == -EPIPE   ? kernel::only(SIGPIPE)
                                 : result == -EFBIG ? kernel::only(SIGXFSZ)
                                                    : 0;
  if ((raised & ~pending) != 0) kernel::take_pending(raised, &info);
  return result == -EAGAIN ? 0 : result;
}

}  // namespace nonblocking
