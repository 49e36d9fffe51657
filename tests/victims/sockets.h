// Connections whose both ends a victim holds itself, in the kernel or over the loopback interface.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "victims/must.h"

struct Pair {
  int ours;
  int theirs;
};

inline Pair unix_pair(int type = SOCK_STREAM) {
  int ends[2];
  must(socketpair(AF_UNIX, type, 0, ends), "socketpair");
  return {ends[0], ends[1]};
}

// The peer has left: a close is not complete while another thread looks at the same file, be it by poll.
inline int dead_socket(int type = SOCK_STREAM) {
  const Pair pair = unix_pair(type);
  close(pair.theirs);
  pollfd hangup{pair.ours, 0, 0};
  while (type != SOCK_DGRAM && (hangup.revents & POLLHUP) == 0) poll(&hangup, 1, -1);
  return pair.ours;
}

struct Address {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;

  sockaddr* name() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* name() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

inline unsigned port_of(const Address& address) {
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);  // it is where sin6_port is
}

// A port that the kernel chooses.
inline Address bound_to_loopback(int fd, int family = AF_INET) {
  Address address;
  address.storage.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET)
    reinterpret_cast<sockaddr_in*>(&address.storage)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else
    reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_addr = in6addr_loopback;
  must(bind(fd, address.name(), address.length), "bind");
  must(getsockname(fd, address.name(), &address.length), "getsockname");
  return address;
}

inline void connect_to(int fd, const Address& address) { must(connect(fd, address.name(), address.length), "connect"); }

inline Pair tcp_pair(int family = AF_INET, int protocol = 0) {
  const int listener = must(socket(family, SOCK_STREAM, protocol), "socket");
  const Address address = bound_to_loopback(listener, family);
  must(listen(listener, 1), "listen");
  const int theirs = must(socket(family, SOCK_STREAM, protocol), "socket");
  connect_to(theirs, address);
  const int ours = must(accept(listener, nullptr, nullptr), "accept");
  close(listener);
  return {ours, theirs};
}

// Closing answers with RST, so that thousands of connections leave nothing in TIME_WAIT.
inline void reset_at_close(int fd, bool on = true) {
  const linger lingering{on, 0};
  must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &lingering, sizeof lingering), "SO_LINGER");
}
