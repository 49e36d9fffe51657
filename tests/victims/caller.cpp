// Makes one call a given number of times on a live peer, when its standard input says so, between two getppid calls
// that a trace can be cut at. Knows nothing of the shim.
//
// usage: caller VERB COUNT tcp|unix|file|pipe
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "victims/sockets.h"

namespace {

char byte[1] = {'x'};
iovec one_byte{byte, 1};

Pair ends_of(const std::string& kind) {
  if (kind == "tcp") return tcp_pair();
  if (kind == "unix") return unix_pair();
  int fds[2];
  if (kind == "pipe" && pipe(fds) == 0) return {fds[1], fds[0]};
  return {memfd_create("file", 0), -1};
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc != 4) return 2;
  const std::string verb = argv[1];
  const auto [fd, reader] = ends_of(argv[3]);
  const int file = memfd_create("source", 0);
  if (ftruncate(file, 4096) != 0) abort();
  int source[2];
  if (pipe(source) != 0) abort();
  msghdr message{};
  message.msg_iov = &one_byte;
  message.msg_iovlen = 1;
  mmsghdr messages{message, 0};
  for (int i = 0; i < 100; ++i)
    if (write(source[1], byte, 1) != 1) abort();

  if (read(0, byte, 1) != 1) return 2;
  getppid();
  for (int i = atoi(argv[2]); i > 0; --i) {
    ssize_t result = -1;
    if (verb == "write") result = write(fd, byte, 1);
    if (verb == "send") result = send(fd, byte, 1, 0);
    if (verb == "sendto") result = sendto(fd, byte, 1, 0, nullptr, 0);
    if (verb == "sendmsg") result = sendmsg(fd, &message, 0);
    if (verb == "sendmmsg") result = sendmmsg(fd, &messages, 1, 0);
    if (verb == "writev") result = writev(fd, &one_byte, 1);
    if (verb == "pwritev2") result = pwritev2(fd, &one_byte, 1, -1, 0);
    if (verb == "sendfile") result = sendfile(fd, file, nullptr, 1);
    if (verb == "splice") result = splice(source[0], nullptr, fd, nullptr, 1, 0);
    if (verb == "vmsplice") result = vmsplice(fd, &one_byte, 1, 0);
    if (verb == "dprintf") result = dprintf(fd, "x");
    if (result != 1) return 3;
  }
  getppid();
  close(reader);
}
