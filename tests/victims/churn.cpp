// A program that changes all at once what a guard against SIGPIPE could stand on. While threads write to dead sockets
// another sets SIGPIPE anew every 3 ms, others fork, vfork and spawn, and start threads that are cancelled in a write.
// It looks at each result, and lives if nobody kills it.
//
// usage: churn, and for each line of its standard input it does so for a second, and says:
// epipes=N changes=N forks=N vforks=N spawns=N cancels=N wrong=N, of that second
// The line is `ignore`, then SIGPIPE is ignored at times, or `stdio`, then it is not, and some writes are made by libc
// itself. `churn child` writes once to a dead socket, and ends with 0 if that and SIGPIPE are as they should be.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "victims/sockets.h"

extern char** environ;

namespace {

char byte[] = "x";

struct Counts {
  std::atomic<long> epipes, changes, forks, vforks, spawns, cancels, wrong;
};
Counts counts;
std::atomic<bool> stops, ignores;

void expect(bool holds, const char* what) {
  if (holds) return;
  counts.wrong.fetch_add(1);
  dprintf(2, "churn: %s: %s\n", what, strerror(errno));
}

using Write = ssize_t (*)(int fd);
constexpr Write kWrite = [](int fd) { return write(fd, byte, 1); };
constexpr Write kSend = [](int fd) { return send(fd, byte, 1, 0); };
constexpr Write kWritev = [](int fd) {
  iovec part{byte, 1};
  return writev(fd, &part, 1);
};
constexpr Write kPrint = [](int fd) -> ssize_t { return dprintf(fd, "x"); };

// A child that was forked meanwhile may have both ends, so what is dead is the connection.
Pair dead_pair() {
  const Pair pair = unix_pair();
  expect(write(pair.ours, byte, 1) == 1, "a write to a peer that is there");
  expect(shutdown(pair.theirs, SHUT_RDWR) == 0, "shutdown");
  return pair;
}

void close_both(const Pair& pair) {
  close(pair.ours);
  close(pair.theirs);
}

bool meets_epipe(int fd, Write how) {
  errno = 0;
  return how(fd) == -1 && errno == EPIPE;
}

void write_to_the_dead() {
  while (!stops.load()) {
    const Pair pair = dead_pair();
    for (const Write how : {kWrite, kSend, kWritev, ignores.load() ? kWrite : kPrint}) {
      expect(meets_epipe(pair.ours, how), "a write to a dead socket");
      counts.epipes.fetch_add(1);
    }
    close_both(pair);
  }
}

void handle(int) {}

// What was set is what is told.
void change_dispositions() {
  void (*const dispositions[])(int) = {SIG_DFL, handle, ignores.load() ? SIG_IGN : SIG_DFL, handle};
  for (size_t next = 0; !stops.load(); ++next) {
    struct sigaction wanted {};
    struct sigaction told {};
    wanted.sa_handler = dispositions[next % std::size(dispositions)];
    wanted.sa_flags = SA_RESTART;
    expect(sigaction(SIGPIPE, &wanted, nullptr) == 0, "sigaction");
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    expect(sigaction(SIGPIPE, nullptr, &told) == 0 && told.sa_handler == wanted.sa_handler, "what sigaction tells");
    counts.changes.fetch_add(1);
  }
}

void expect_end(pid_t child, const char* what) {
  int status = -1;
  expect(child > 0 && waitpid(child, &status, 0) == child && status == 0, what);
}

void fork_children() {
  while (!stops.load()) {
    const Pair pair = dead_pair();
    const pid_t child = fork();
    if (child == 0) _exit(meets_epipe(pair.ours, kWritev) ? 0 : 1);
    expect_end(child, "the end of a child of fork");
    close_both(pair);
    counts.epipes.fetch_add(1);
    counts.forks.fetch_add(1);
  }
}

void vfork_children() {
  while (!stops.load()) {
    const Pair pair = dead_pair();
    const pid_t child = vfork();
    if (child == 0) _exit(meets_epipe(pair.ours, kWritev) ? 0 : 1);
    expect_end(child, "the end of a child of vfork");
    close_both(pair);
    counts.epipes.fetch_add(1);
    counts.vforks.fetch_add(1);
  }
}

void spawn_children() {
  char program[] = "/proc/self/exe", word[] = "child";
  char* const arguments[] = {program, word, nullptr};
  while (!stops.load()) {
    pid_t child = -1;
    expect(posix_spawn(&child, program, nullptr, nullptr, arguments, environ) == 0, "posix_spawn");
    expect_end(child, "the end of what was spawned");
    counts.epipes.fetch_add(1);
    counts.spawns.fetch_add(1);
  }
}

// The thread fills the socket, and waits in a write for room until it is cancelled.
void* fill(void* socket) {
  char block[4096]{};
  for (;;) expect(write(*static_cast<int*>(socket), block, sizeof block) > 0, "a write to a full socket");
}

void cancel_threads() {
  while (!stops.load()) {
    Pair pair = unix_pair();
    pthread_t thread;
    expect(pthread_create(&thread, nullptr, fill, &pair.ours) == 0, "pthread_create");
    char heard;
    expect(read(pair.theirs, &heard, 1) == 1, "what the thread writes");
    void* result = nullptr;
    expect(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED,
           "the end of a cancelled thread");
    close_both(pair);
    counts.cancels.fetch_add(1);
  }
}

void churn() {
  stops.store(false);
  std::vector<std::thread> threads;
  for (const auto work : {write_to_the_dead, write_to_the_dead, change_dispositions, fork_children, vfork_children,
                          spawn_children, cancel_threads})
    threads.emplace_back(work);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  stops.store(true);
  for (auto& thread : threads) thread.join();
}

int be_child() {
  struct sigaction told {};
  sigset_t blocked;
  const bool is_as_inherited = sigaction(SIGPIPE, nullptr, &told) == 0 &&
                               (told.sa_handler == SIG_DFL || told.sa_handler == SIG_IGN) &&
                               sigprocmask(SIG_SETMASK, nullptr, &blocked) == 0 && sigismember(&blocked, SIGPIPE) == 0;
  return is_as_inherited && meets_epipe(dead_pair().ours, kWritev) ? 0 : 1;
}

}  // namespace

int main(int argc, char*[]) {
  if (argc > 1) return be_child();
  signal(SIGPIPE, handle);  // from here on a send raises SIGPIPE, too
  char line[16];
  while (std::fgets(line, sizeof line, stdin) != nullptr && std::strcmp(line, "end\n") != 0) {
    ignores.store(std::strcmp(line, "ignore\n") == 0);
    churn();
    std::printf("epipes=%ld changes=%ld forks=%ld vforks=%ld spawns=%ld cancels=%ld wrong=%ld\n",
                counts.epipes.exchange(0), counts.changes.exchange(0), counts.forks.exchange(0),
                counts.vforks.exchange(0), counts.spawns.exchange(0), counts.cancels.exchange(0),
                counts.wrong.exchange(0));
    std::fflush(stdout);
  }
}
