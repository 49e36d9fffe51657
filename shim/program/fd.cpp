#include "program/fd.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

#include "program/policy.h"
#include "system/kernel.h"
#include "system/options.h"

namespace fd {
namespace {

// The value, or -errno.
long option(int fd, int name) {
  int value = -1;
  const long length = kernel::socket_option(fd, SOL_SOCKET, name, value);
  return length < 0 ? length : value;
}

// Both ends of a socketpair are without a name; a socket that was bound, connected or accepted has one at one end.
bool is_socketpair(int fd) {
  if (option(fd, SO_DOMAIN) != AF_UNIX || option(fd, SO_TYPE) != SOCK_STREAM) return false;
  sockaddr_un name;
  socklen_t own = sizeof name;
  socklen_t peer = sizeof name;
  kernel::call(SYS_getsockname, fd, &name, &own);
  kernel::call(SYS_getpeername, fd, &name, &peer);
  return own == sizeof name.sun_family && peer == sizeof name.sun_family;
}

bool is_writable(int fd) {
  const long flags = kernel::call(SYS_fcntl, fd, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

bool has_sent_fin(int fd) {
  tcp_info info{};
  kernel::socket_option(fd, IPPROTO_TCP, TCP_INFO, info);
  return info.tcpi_state == TCP_FIN_WAIT1 || info.tcpi_state == TCP_FIN_WAIT2 || info.tcpi_state == TCP_CLOSING ||
         info.tcpi_state == TCP_LAST_ACK;
}

// Who owns an fd is asked for by this number of sockets only. It takes half the time of getsockopt.
bool is_surely_socket(int fd) {
  int owner = 0;
  return policy::uses(policy::unfiltered) && kernel::call(SYS_ioctl, fd, SIOCGPGRP, &owner) == 0;
}

}  // namespace

Kind kind_of(int fd) {
  const long type = option(fd, SO_TYPE);
  if (type == -EBADF) return Kind::closed;
  if (type < 0 || (fd <= 2 && is_socketpair(fd))) return Kind::other;
  return type == SOCK_STREAM ? Kind::stream : Kind::packets;
}

bool in_scope(int fd) {
  if (options::get().scope == Scope::all || (fd > 2 && is_surely_socket(fd))) return true;
  const Kind kind = kind_of(fd);
  return kind == Kind::closed ? hint(fd) != Hint::other : kind != Kind::other;
}

bool raises_sigpipe(int fd) {
  return kind_of(fd) != Kind::packets || (option(fd, SO_TYPE) == SOCK_SEQPACKET && option(fd, SO_DOMAIN) != AF_UNIX);
}

// Nothing here may take an error from the socket that the program has yet to see, as a send would on TCP.
bool is_dead(int fd) {
  const short events = kernel::poll_now(fd, POLLOUT);
  const long type = option(fd, SO_TYPE);
  if (type < 0) return (events & POLLERR) != 0 && is_writable(fd);
  if (type != SOCK_STREAM) return false;
  if ((events & POLLHUP) != 0) return true;
  if (option(fd, SO_PROTOCOL) == IPPROTO_TCP) return has_sent_fin(fd);
  const msghdr nothing{};
  return kernel::call(SYS_sendmsg, fd, &nothing, MSG_NOSIGNAL | MSG_DONTWAIT) == -EPIPE;
}

int dead_one_of(int first, int second) {
  for (int tries = 0; tries < 200; ++tries) {
    if (is_dead(first)) return first;
    if (is_dead(second)) return second;
    kernel::sleep(200'000);
  }
  return -1;
}

void remember_all() {
  for (int fd = 0; fd < 1024; ++fd) {
    const Kind kind = kind_of(fd);
    if (kind != Kind::closed) remember(fd, kind == Kind::other ? Hint::other : Hint::socket);
  }
}

}  // namespace fd
