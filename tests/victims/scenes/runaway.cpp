// Scenes of threads that write on and on although every call says EPIPE, and of some that only look like it.
#include <signal.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "scenes.h"

namespace {

// Never looks at what write returns. The number of writes is left where the starter can read it: fd 3, a file.
void run_away(const std::function<void(int)>& write_once) {
  auto* count = static_cast<std::atomic<long>*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0));
  const int fd = dead_socket();
  for (; *count < 2'000'000; ++*count) write_once(fd);
}

void write_one(int fd) { write(fd, byte, 1); }

}  // namespace

SCENE(runaway) { run_away(write_one); }
SCENE(runaway_guarded) {
  run_away([](int fd) { writev(fd, &one_byte, 1); });
}
SCENE(runaway_unseen) {
  run_away([](int fd) { dprintf(fd, "x"); });
}

SCENE(runaway_ignored) {
  signal(SIGPIPE, SIG_IGN);
  run_away(write_one);
}
// The same beside another thread: with SIGPIPE ignored nobody is slowed down.
SCENE(runaway_ignored_thread) {
  signal(SIGPIPE, SIG_IGN);
  std::thread([] { run_away(write_one); }).join();
}

SCENE(runaway_handled) {
  signal(SIGPIPE, [](int) { _exit(9); });
  run_away(write_one);
}
// A handler that does nothing would have been called, and no more.
SCENE(runaway_idle_handler) {
  static std::atomic<int> handled = 0;
  signal(SIGPIPE, [](int) { ++handled; });
  std::thread([] {
    const int fd = dead_socket();
    for (int i = 0; i < 2'000; ++i) send(fd, byte, 1, 0);
  }).join();
  puts("alive");
}

// Beside a thread that serves others: reads from its standard input until the end, and says so.
SCENE(runaway_thread) {
  std::thread([] { run_away(write_one); }).detach();
  char buffer[64];
  while (read(0, buffer, sizeof buffer) > 0) printf("served\n"), fflush(stdout);
  _exit(0);
}

// From one dead socket, after 25 writes, to another.
SCENE(two_runaways) {
  for (const int fd : {dead_socket(), dead_socket()})
    for (int i = 0; i < 25; ++i) write(fd, byte, 1);
}

// Neither of two dead sockets is written to twice in a row.
SCENE(two_in_turns) {
  const int one = dead_socket();
  const int other = dead_socket();
  for (int i = 0; i < 1000; ++i) {
    write(one, byte, 1);
    write(other, byte, 1);
  }
  puts("alive");
}

// Each client aborts after one write, and the next gets its fd: nobody runs away.
SCENE(many_clients) {
  for (int i = 0; i < 5000; ++i) {
    const int fd = dead_socket();
    write(fd, byte, 1);
    close(fd);
  }
  puts("alive");
}

// EPIPE without a signal, as often as one likes.
SCENE(many_silent_epipes) {
  const int fd = dead_socket(SOCK_SEQPACKET);
  for (int i = 0; i < 1000; ++i)
    if (write(fd, byte, 1) != -1 || writev(fd, &one_byte, 1) != -1) abort();
  puts("alive");
}
