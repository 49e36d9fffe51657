#include "program/fd.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>

#include "system/kernel.h"
#include "system/options.h"
#include "system/proc.h"

namespace fd {
namespace {

constexpr int kMostLookedAt = 4096;

// The value, or -errno.
long option(int fd, int name) {
  int value = -1;
  const long length = kernel::socket_option(fd, SOL_SOCKET, name, value);
  return length < 0 ? length : value;
}

// What is no pipe says so by EBADF (since Linux 2.6.35), which costs less than to look at the file.
bool is_pipe(int fd) {
  const long size = kernel::call(SYS_fcntl, fd, F_GETPIPE_SZ);
  return size >= 0 || (size != -EBADF && S_ISFIFO(kernel::file_at(fd, "").st_mode));
}

// By getsockname or getpeername: that end is there and has no name.
bool is_nameless(long call, int fd) {
  sockaddr_un name;
  socklen_t length = sizeof name;
  return kernel::call(call, fd, &name, &length) == 0 && length == sizeof name.sun_family;
}

bool has_sent_fin(int fd) {
  tcp_info info{};
  kernel::socket_option(fd, IPPROTO_TCP, TCP_INFO, info);
  return info.tcpi_state == TCP_FIN_WAIT1 || info.tcpi_state == TCP_FIN_WAIT2 || info.tcpi_state == TCP_CLOSING ||
         info.tcpi_state == TCP_LAST_ACK;
}

// All that are open are below this.
int limit() {
  const int limit = proc::fd_limit();
  return limit <= 0 || limit > kMostLookedAt ? kMostLookedAt : limit;
}

// 64 fds a call; one a call where RLIMIT_NOFILE is below that, since then poll refuses them.
bool any_unread_pipe(int begin, int count) {
  pollfd polled[64];
  for (int i = 0; i < count; ++i) polled[i] = {begin + i, POLLOUT, 0};
  const long at_once[2] = {0, 0};
  const long found = kernel::call(SYS_ppoll, polled, count, at_once, nullptr, 0);
  if (found == -EINVAL && count > 1) {
    for (int i = 0; i < count; ++i)
      if (any_unread_pipe(begin + i, 1)) return true;
    return false;
  }
  for (int i = 0; i < count && found > 0; ++i)
    if ((polled[i].revents & POLLERR) != 0 && is_pipe(polled[i].fd)) return true;
  return false;
}

// POLLERR shows a writing end that nobody reads; of a socket it may be a pending error. Where poll is refused, a pipe
// counts: something was written to it that raised SIGPIPE.
bool is_unread(int fd) {
  if (!is_pipe(fd)) return false;
  const int events = kernel::poll_now(fd, POLLOUT);
  return events < 0 || (events & POLLERR) != 0;
}

bool any_stream_socket(auto is_wanted) {
  for (int fd = 0, end = limit(); fd < end; ++fd)
    if (fd::is_stream_socket(fd) && is_wanted(fd)) return true;
  return false;
}

}  // namespace

constinit std::atomic<Hint> hints[kHints];

bool is_disguised_pipe(int fd) {
  return fd >= 0 && fd <= 2 && option(fd, SO_DOMAIN) == AF_UNIX && option(fd, SO_TYPE) == SOCK_STREAM &&
         is_nameless(SYS_getsockname, fd) && is_nameless(SYS_getpeername, fd);
}

bool is_unread_pipe(int fd) {
  return options::get().scope == Scope::sockets && (is_unread(fd) || is_disguised_pipe(fd));
}

bool has_unread_pipe() {
  if (options::get().scope == Scope::all) return false;
  for (int fd = 0; fd <= 2; ++fd)
    if (is_disguised_pipe(fd) && is_dead(fd)) return true;
  const int end = limit();
  for (int begin = 0; begin < end; begin += 64)
    if (any_unread_pipe(begin, end - begin < 64 ? end - begin : 64)) return true;
  return false;
}

bool has_dead_socket() {
  return any_stream_socket([](int fd) { return !is_disguised_pipe(fd) && is_dead(fd); });
}

bool raises_sigpipe(int fd) {
  const long type = option(fd, SO_TYPE);
  return type < 0 || type == SOCK_STREAM || (type == SOCK_SEQPACKET && option(fd, SO_DOMAIN) != AF_UNIX);
}

bool is_stream_socket(int fd) { return option(fd, SO_TYPE) == SOCK_STREAM; }

// Nothing here may take an error from the socket that the program has yet to see, as a send would on TCP.
bool is_dead(int fd) {
  const long type = option(fd, SO_TYPE);
  if (type < 0) return is_unread(fd);
  if (type != SOCK_STREAM) return false;
  const int events = kernel::poll_now(fd, POLLOUT);
  if (events > 0 && (events & POLLHUP) != 0) return true;
  if (option(fd, SO_PROTOCOL) == IPPROTO_TCP) return has_sent_fin(fd);
  const msghdr nothing{};
  return kernel::call(SYS_sendmsg, fd, &nothing, MSG_NOSIGNAL | MSG_DONTWAIT) == -EPIPE;
}

bool refuses_flags(int fd) {
  const long family = option(fd, SO_DOMAIN);
  return family >= 0 && family != AF_INET && family != AF_INET6 && family != AF_UNIX && family != AF_NETLINK;
}

bool serves_others(int fd) {
  const auto own = kernel::file_at(fd, "").st_ino;
  return any_stream_socket([own](int other) {
    if (kernel::file_at(other, "").st_ino == own) return false;
    sockaddr_storage peer;
    socklen_t length = sizeof peer;
    return option(other, SO_ACCEPTCONN) == 1 || kernel::call(SYS_getpeername, other, &peer, &length) == 0;
  });
}

void remember_pipes_alone() {
  for (int fd = 0; fd < static_cast<int>(kHints); ++fd)
    if (hint(fd) == Hint::other && !is_pipe(fd)) remember(fd, Hint::none);
}

unsigned long long cookie(int fd) {
  unsigned long long value = 0;
  kernel::socket_option(fd, SOL_SOCKET, SO_COOKIE, value);
  return value;
}

}  // namespace fd
