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

long option(int fd, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  const long error = kernel::call(SYS_getsockopt, fd, SOL_SOCKET, name, &value, &length);
  return error < 0 ? error : value;
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
  socklen_t length = sizeof info;
  kernel::call(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, &info, &length);
  return info.tcpi_state == TCP_FIN_WAIT1 || info.tcpi_state == TCP_FIN_WAIT2 || info.tcpi_state == TCP_CLOSING ||
         info.tcpi_state == TCP_LAST_ACK;
}

// Who owns an fd is asked for by this number of sockets only. It takes half the time of getsockopt.
bool is_surely_socket(int fd) {
  int owner = 0;
  return technique::uses(technique::unfiltered) && kernel::call(SYS_ioctl, fd, SIOCGPGRP, &owner) == 0;
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
  pollfd end{fd, POLLOUT, 0};
  const long at_once[2] = {0, 0};
  if (kernel::call(SYS_ppoll, &end, 1, at_once, nullptr, 0) < 0) return false;
  const long type = option(fd, SO_TYPE);
  if (type < 0) return (end.revents & POLLERR) != 0 && is_writable(fd);
  if (type != SOCK_STREAM) return false;
  if ((end.revents & POLLHUP) != 0) return true;
  if (option(fd, SO_PROTOCOL) == IPPROTO_TCP) return has_sent_fin(fd);
  const msghdr nothing{};
  return kernel::call(SYS_sendmsg, fd, &nothing, MSG_NOSIGNAL | MSG_DONTWAIT) == -EPIPE;
}

int dead_one_of(int first, int second) {
  for (int tries = 0; tries < 200; ++tries) {
    if (is_dead(first)) return first;
    if (is_dead(second)) return second;
    const long pause[2] = {0, 200'000};
    kernel::call(SYS_nanosleep, pause, nullptr);
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
