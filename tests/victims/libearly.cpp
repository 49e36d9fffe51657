// A library whose constructor writes to a dead socket, when preloaded behind the shim before the shim's own ran.

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

[[gnu::constructor]] static void write_early() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return;
  close(ends[1]);
  char byte = 'x';
  const iovec vector{&byte, 1};
  const bool written = write(ends[0], &byte, 1) == -1 && errno == EPIPE;
  const bool sent = send(ends[0], &byte, 1, 0) == -1 && errno == EPIPE;
  const bool gathered = writev(ends[0], &vector, 1) == -1 && errno == EPIPE;
  signal(SIGPIPE, SIG_DFL);
  const bool again = writev(ends[0], &vector, 1) == -1 && errno == EPIPE;
  dprintf(2, "early: write %d, send %d, writev %d, again %d\n", written, sent, gathered, again);
  close(ends[0]);
}
