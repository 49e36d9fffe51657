// Scenes of plain writes: by every function, by many threads, on a number that was something else, of no length at all.
#include <linux/net.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>

#include "scenes.h"

SCENE(alive) { every_verb("here"); }

SCENE(threads) {
  std::vector<std::thread> list;
  for (int i = 0; i < 8; ++i)
    list.emplace_back([] {
      for (int round = 0; round < 500; ++round) every_verb_says_epipe();
    });
  for (auto& thread : list) thread.join();
  puts("alive");
}

SCENE(stale_hints) {
  const int fd = 500;
  const auto become = [](int other) {
    dup2(other, 500);
    close(other);
  };
  for (int round = 0; round < 3; ++round) {
    become(file());
    errno = 77;
    const ssize_t to_file = write(fd, byte, 1);
    const int after_file = errno;
    become(dead_socket());
    const ssize_t to_socket = write(fd, byte, 1);
    printf("file %zd errno %d, socket %zd %s\n", to_file, after_file, to_socket, strerror(errno));
  }
}

// write(fd, buf, n) with n == -1, from a read that failed.
SCENE(length_of_minus_one) {
  const Pair pair = unix_pair();
  static char buffer[100];
  for (const size_t length : {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 2 + 1}) {
    const ssize_t result = write(pair.ours, buffer, length);
    printf("write: %zd %s\n", result, result < 0 ? strerror(errno) : "");
  }
  printf("arrived: %zd\n", recv(pair.theirs, buffer, sizeof buffer, MSG_DONTWAIT));
}

static void write_below(int depth) {
  if (depth > 0)
    write_below(depth - 1);
  else
    write(dead_socket(), byte, 1);
  asm volatile("");  // no tail call
}
SCENE(recursion) { write_below(3); }

#ifdef __i386__
// All sends by one number, of which the first argument is another number: that of a file here.
SCENE(sends_by_socketcall) {
  dup2(dead_socket(), 300);
  dup2(file(), SYS_SENDTO);
  dup2(file(), SYS_SENDMSG);
  long to[] = {300, reinterpret_cast<long>(byte), 1, 0, 0, 0};
  printf("sendto: %ld\n", syscall(SYS_socketcall, SYS_SENDTO, to));
  msghdr message{};
  message.msg_iov = &one_byte;
  message.msg_iovlen = 1;
  long by_message[] = {300, reinterpret_cast<long>(&message), 0};
  printf("sendmsg: %ld\n", syscall(SYS_socketcall, SYS_SENDMSG, by_message));
}
#endif
