// Scenes of a call that came back with less than it was asked for, although it has raised nothing, and of a SIGPIPE
// that comes afterwards and is nobody's to avert.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include <cstdio>
#include <cstdlib>

#include "scenes.h"

namespace {

constexpr size_t kMuch = 8 << 20;

Pair roomy_pair() {
  const Pair pair = unix_pair();
  fcntl(pair.ours, F_SETFL, O_NONBLOCK);
  return pair;
}

void is_short(ssize_t result, size_t asked) {
  if (result <= 0 || static_cast<size_t>(result) >= asked) abort();
}

void by_sendfile(int fd) {
  const int source = memfd_create("much", 0);
  if (ftruncate(source, kMuch) != 0) abort();
  is_short(sendfile(fd, source, nullptr, kMuch), kMuch);
}

void by_splice(int fd) {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK) != 0) abort();
  fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
  static char page[4096];
  ssize_t in = 0;
  while (write(ends[1], page, sizeof page) > 0) in += sizeof page;
  is_short(splice(ends[0], nullptr, fd, nullptr, kMuch, SPLICE_F_NONBLOCK), static_cast<size_t>(in) + 1);
}

// So many messages find no room.
void by_sendmmsg(int fd) {
  static char page[4096];
  iovec part{page, sizeof page};
  static mmsghdr messages[1024];
  for (auto& message : messages) message.msg_hdr.msg_iov = &part, message.msg_hdr.msg_iovlen = 1;
  is_short(sendmmsg(fd, messages, 1024, 0), 1024);
}

void by_syscall(int fd) {
  const int source = memfd_create("much", 0);
  if (ftruncate(source, kMuch) != 0) abort();
  is_short(syscall(SYS_sendfile, fd, source, nullptr, kMuch), kMuch);
}

// The peer leaves after the short count: nothing has been raised.
void after_short_count(void (*call)(int), void (*raise_one)()) {
  const Pair pair = roomy_pair();
  call(pair.ours);
  close(pair.theirs);
  raise_one();
  puts("still here");
}

void by_kill() { kill(getpid(), SIGPIPE); }
void by_raise() { raise(SIGPIPE); }
void by_pthread_kill() { pthread_kill(pthread_self(), SIGPIPE); }
void by_pipe() { writev(dead_pipe(), &one_byte, 1); }
void by_pipe_while_blocked() {
  block_sigpipe(SIG_BLOCK);
  write(dead_pipe(), byte, 1);
  block_sigpipe(SIG_UNBLOCK);
}
void by_kill_while_blocked() {
  block_sigpipe(SIG_BLOCK);
  kill(getpid(), SIGPIPE);
  block_sigpipe(SIG_UNBLOCK);
}

// The peer has gone, the thread has blocked SIGPIPE since long ago, and a call on the dead socket has come after.
void blocked_all_along(void (*call)(int), void (*raise_one)()) {
  block_sigpipe(SIG_BLOCK);
  const Pair pair = roomy_pair();
  call(pair.ours);
  close(pair.theirs);
  raise_one();
  block_sigpipe(SIG_UNBLOCK);
  puts("still here");
}

}  // namespace

#define AFTER(call, way) \
  SCENE(short_##call##_then_##way) { after_short_count(by_##call, by_##way); }
#define AFTER_EACH(way) \
  AFTER(sendfile, way)  \
  AFTER(splice, way)    \
  AFTER(sendmmsg, way)  \
  AFTER(syscall, way)
AFTER_EACH(kill)
AFTER_EACH(raise)
AFTER_EACH(pthread_kill)
AFTER_EACH(pipe)
AFTER_EACH(pipe_while_blocked)
AFTER_EACH(kill_while_blocked)

#define BLOCKED(call, way) \
  SCENE(short_##call##_blocked_then_##way) { blocked_all_along(by_##call, by_##way); }
BLOCKED(sendfile, kill)
BLOCKED(splice, kill)
BLOCKED(sendmmsg, kill)
BLOCKED(sendfile, pipe)
BLOCKED(splice, pipe)
BLOCKED(sendmmsg, pipe)

// The pipe is dead, and a socket stands in the other place.
SCENE(syscall_splice_from_live_socket_to_dead_pipe_still_kills) {
  const Pair sockets = unix_pair();
  send(sockets.theirs, byte, 1, 0);
  syscall(SYS_splice, sockets.ours, nullptr, dead_pipe(), nullptr, 1, 0);
}
SCENE(syscall_splice_from_dead_socket_to_dead_pipe_still_kills) {
  const Pair sockets = unix_pair();
  send(sockets.theirs, byte, 1, 0);
  close(sockets.theirs);
  syscall(SYS_splice, sockets.ours, nullptr, dead_pipe(), nullptr, 1, 0);
}
