// Scenes of threads that write on and on although every call says EPIPE, and of some that only look like it. They go on
// for some seconds, unless somebody ends them.
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "scenes.h"

namespace {

constexpr int kSeconds = 4;

class Span {
 public:
  explicit Span(int seconds = kSeconds) : end_(now() + seconds * 1'000L) {}
  bool lasts() const { return now() < end_; }

 private:
  static long now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1'000L + time.tv_nsec / 1'000'000;
  }
  long end_;
};

// The number of writes is left where the starter can read it: fd 3, a file.
void run_away(const std::function<void(int)>& write_once) {
  auto* count = static_cast<std::atomic<long>*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0));
  const int fd = dead_socket();
  for (const Span span; span.lasts(); ++*count) write_once(fd);
}

void write_one(int fd) { write(fd, byte, 1); }

void tick() { usleep(50'000); }

// Twenty times a second, and something else each time.
void tick_with(const std::function<void()>& other) {
  const int fd = dead_socket();
  for (const Span span; span.lasts(); tick()) {
    write(fd, byte, 1);
    other();
  }
  puts("alive");
}

}  // namespace

SCENE(runaway) { run_away(write_one); }
SCENE(runaway_guarded) {
  run_away([](int fd) { writev(fd, &one_byte, 1); });
}
SCENE(runaway_unseen) {
  run_away([](int fd) { dprintf(fd, "x"); });
}
SCENE(runaway_slow) {
  run_away([](int fd) { write(fd, byte, 1), tick(); });
}
SCENE(runaway_slow_unseen) {
  run_away([](int fd) { dprintf(fd, "x"), tick(); });
}

// A write that waits for room is left by siglongjmp first.
SCENE(runaway_unseen_after_left_write) {
  static sigjmp_buf back;
  int peer;
  const int full = full_socket(&peer);
  signal(SIGALRM, [](int) { siglongjmp(back, 1); });
  if (sigsetjmp(back, 1) == 0) {
    alarm_every(20'000);
    write(full, byte, 1);
    abort();
  }
  alarm_every(0);
  close(full);
  close(peer);
  run_away([](int fd) { dprintf(fd, "x"), tick(); });
}

SCENE(storm_that_ends) {
  const int fd = dead_socket();
  for (int i = 0; i < 117'398; ++i) write(fd, byte, 1);
  puts("alive");
}
SCENE(nine_in_three_seconds) {
  const int fd = dead_socket();
  for (int i = 0; i < 9; ++i) write(fd, byte, 1), usleep(300'000);
  puts("alive");
}

SCENE(ticker) {
  tick_with([] {});
}
SCENE(ticker_with_writes_to_a_file) {
  const int other = file();
  tick_with([=] { write(other, byte, 1); });
}
SCENE(ticker_with_stdio_to_a_file) {
  FILE* other = fdopen(file(), "w");
  tick_with([=] { fputs("tick\n", other), fflush(other); });
}
// The successes are few: one in fifteen ticks.
SCENE(ticker_with_rare_stdio_to_a_file) {
  FILE* other = fdopen(file(), "w");
  tick_with([other, ticks = 0]() mutable {
    if (++ticks % 15 == 0) fputs("tick\n", other), fflush(other);
  });
}
SCENE(ticker_with_sends_to_another_client) {
  const Pair live = unix_pair();
  tick_with([=] { send(live.ours, byte, 1, 0); });
}
SCENE(ticker_with_handler) {
  signal(SIGPIPE, [](int) {});
  tick_with([] {});
}
// Nobody else is served: the socket has lost its peer, or has never had one.
SCENE(ticker_beside_idle_sockets) {
  dead_socket(SOCK_SEQPACKET);
  must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  tick_with([] {});
}
SCENE(ticker_beside_listener) {
  const int listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  bound_to_loopback(listener);
  must(listen(listener, 1), "listen");
  tick_with([] {});
}
SCENE(ticker_beside_client) {
  tcp_pair();
  tick_with([] {});
}
// The dead socket, but by another number.
SCENE(ticker_with_duplicate) {
  const int fd = dead_socket();
  dup(fd);
  for (const Span span; span.lasts(); tick()) write(fd, byte, 1);
  puts("alive");
}
// Standard output and standard error are the dead socket, as a child of inetd has them.
SCENE(ticker_of_two_streams) {
  const int fd = dead_socket();
  dup2(fd, 1), dup2(fd, 2);
  int stream = 1;
  for (const Span span; span.lasts(); tick()) write(stream = 3 - stream, byte, 1);
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
// A handler that leaves errno as it likes.
SCENE(runaway_handler_with_errno) {
  signal(SIGPIPE, [](int) { errno = EAGAIN; });
  const int fd = dead_socket();
  int others = 0;
  for (const Span span; span.lasts();) others += send(fd, byte, 1, 0) == -1 && errno != EPIPE ? 1 : 0;
  printf("not EPIPE: %d\n", others);
}
// A handler that does nothing would have been called, and no more.
SCENE(runaway_idle_handler) {
  static std::atomic<int> handled = 0;
  signal(SIGPIPE, [](int) { ++handled; });
  std::thread([] {
    const int fd = dead_socket();
    for (const Span span; span.lasts();) send(fd, byte, 1, 0);
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

// From one dead socket, after some seconds, to another.
SCENE(two_runaways) {
  for (const int fd : {dead_socket(), dead_socket()})
    for (const Span span(2); span.lasts();) write(fd, byte, 1);
}

// Neither of two dead sockets is written to twice in a row.
SCENE(two_in_turns) {
  const int one = dead_socket();
  const int other = dead_socket();
  for (const Span span; span.lasts();) {
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
SCENE(many_clients_for_long) {
  for (const Span span; span.lasts();) {
    const int fd = dead_socket();
    for (int i = 0; i < 20; ++i) write(fd, byte, 1);
    close(fd);
  }
  puts("alive");
}

// EPIPE without a signal, as often as one likes.
SCENE(many_silent_epipes) {
  const int fd = dead_socket(SOCK_SEQPACKET);
  for (const Span span; span.lasts();)
    if (write(fd, byte, 1) != -1 || writev(fd, &one_byte, 1) != -1) abort();
  puts("alive");
}

// The streak of its parent is not its own.
SCENE(forked_within_a_streak) {
  const int fd = dead_socket();
  for (int i = 0; i < 18; ++i) send(fd, byte, 1, 0), tick();
  sleep(4);
  const pid_t child = fork();
  if (child == 0) _exit(send(fd, byte, 1, 0) == -1 && errno == EPIPE ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  puts(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "alive" : "child died");
}
