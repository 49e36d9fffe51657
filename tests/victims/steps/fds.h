// Steps that open fds of every kind, end their peers and put one over another. A step names an fd by its number.
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "victims/sockets.h"
#include "victims/steps/contract.h"

namespace steps {

constexpr int kFds = 12;
inline int peers[kFds];  // -1: none. It is one number for all copies

// Nothing is to be cancelled here.
inline int moved_up(int fd) {
  const int high = fcntl(fd, F_DUPFD_CLOEXEC, 500);
  raw(SYS_close, fd);
  return high;
}

enum Kind {
  kTcp,
  kUnix,
  kNamedUnix,
  kSeqpacket,
  kUdp,
  kDatagram,
  kPipe,
  kFifo,
  kFile,
  kPty,
  kEventfd,
  kUnconnectedTcp,
  kUnconnectedUnix,
  kKinds
};

inline Pair named_unix_pair() {
  const int listener = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  sockaddr_un name{AF_UNIX, {}};
  must(bind(listener, reinterpret_cast<sockaddr*>(&name), sizeof name.sun_family), "bind");  // the kernel finds a name
  socklen_t length = sizeof name;
  getsockname(listener, reinterpret_cast<sockaddr*>(&name), &length);
  must(listen(listener, 1), "listen");
  const int ours = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  must(connect(ours, reinterpret_cast<sockaddr*>(&name), length), "connect");
  const int theirs = must(accept(listener, nullptr, nullptr), "accept");
  close(listener);
  return {ours, theirs};
}

inline Pair udp_pair() {
  const int theirs = must(socket(AF_INET, SOCK_DGRAM, 0), "socket"),
            ours = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
  connect_to(ours, bound_to_loopback(theirs));
  return {ours, theirs};
}

inline Pair pipe_pair() {
  int ends[2];
  must(pipe(ends), "pipe");
  return {ends[1], ends[0]};
}

// A pipe in a root without /tmp; and in a filter, which may end the process while the name is there.
inline Pair fifo_pair() {
  char path[64];
  snprintf(path, sizeof path, "/tmp/steps.%d.%ld", getpid(), raw(SYS_gettid));
  if (is_confined || mknod(path, S_IFIFO | 0600, 0) != 0) return pipe_pair();
  const int theirs = open(path, O_RDONLY | O_NONBLOCK), ours = open(path, O_WRONLY | O_NONBLOCK);
  unlink(path);
  return {ours, theirs};
}

inline Pair pty_pair() {
  int ours = -1, theirs = -1;
  if (openpty(&ours, &theirs, nullptr, nullptr, nullptr) != 0) return pipe_pair();
  return {ours, theirs};
}

inline Pair made(int kind) {
  switch (kind) {
    case kTcp:
      return tcp_pair();
    case kUnix:
      return unix_pair();
    case kNamedUnix:
      return named_unix_pair();
    case kSeqpacket:
      return unix_pair(SOCK_SEQPACKET);
    case kUdp:
      return udp_pair();
    case kDatagram:
      return unix_pair(SOCK_DGRAM);
    case kPipe:
      return pipe_pair();
    case kFifo:
      return fifo_pair();
    case kFile:
      return {memfd_create("file", 0), -1};
    case kPty:
      return pty_pair();
    case kEventfd:
      return {eventfd(0, 0), -1};
    case kUnconnectedTcp:
      return {socket(AF_INET, SOCK_STREAM, 0), -1};
    default:
      return {socket(AF_UNIX, SOCK_STREAM, 0), -1};
  }
}

inline void opens(int fd, int kind) {
  Pair pair = made(kind);
  const int theirs = pair.theirs < 0 ? -1 : moved_up(pair.theirs);
  if (pair.ours != fd) {
    dup2(pair.ours, fd);
    close(pair.ours);
  }
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  peers[fd] = theirs;
}

// All of a peer's copies are gone as the connection is; and the kernel has it done before the next step.
inline void leaves(int fd) {
  const int peer = peers[fd];
  if (peer < 0 || is_confined) return;
  peers[fd] = -1;
  const bool is_tcp = option_is(fd, SO_PROTOCOL, IPPROTO_TCP);
  const bool is_socket = shutdown(peer, SHUT_RDWR) == 0 || errno != ENOTSOCK;
  close(peer);
  for (auto& other : peers)
    if (other == peer) other = -1;
  if (is_tcp) raw(SYS_sendto, fd, "x", 1, MSG_NOSIGNAL, nullptr, 0);
  pollfd hangup{fd, 0, 0};
  if (is_socket && option_is(fd, SO_TYPE, SOCK_STREAM))
    for (int looks = 0; looks < 2000 && (hangup.revents & (POLLHUP | POLLNVAL)) == 0; ++looks) poll(&hangup, 1, 1);
}

inline void dups(int from, int to) {
  if (dup2(from, to) == to) peers[to] = peers[from];
}

}  // namespace steps
