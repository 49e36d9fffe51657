// Scenes of a SIGPIPE that is nobody's to avert, each with more about it than that it kills: who has sent it, what has
// been written to, whose handler is called. kills.cpp has the plain ones.
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "scenes.h"

namespace {

// A child of another name sends it to its parent, which waits for it. It is named while it lives, as long as its
// parent.
void sent_by_child(void (*send)(pid_t parent)) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "a \"sender\"");
    wait_asleep(parent, parent);
    send(parent);
    pause();
  }
  printf("child %d\n", static_cast<int>(child));
  fflush(stdout);
  pause();
}

int socketpair_on_1() {
  const int fd = dead_socket();
  dup2(fd, 1);
  return 1;
}

// By a ring whose write is put off until there is room, which never comes: the reader leaves.
void write_later(int fd) {
  io_uring_params params{};
  const int ring = static_cast<int>(syscall(SYS_io_uring_setup, 8, &params));
  if (ring < 0) {
    printf("refused\n");
    exit(0);
  }
  const auto map = [&](off_t what) {
    return static_cast<char*>(mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what));
  };
  char* rings = map(IORING_OFF_SQ_RING);
  auto* entry = reinterpret_cast<io_uring_sqe*>(map(IORING_OFF_SQES));
  entry->opcode = IORING_OP_WRITE;
  entry->fd = fd;
  entry->addr = reinterpret_cast<std::uintptr_t>(byte);
  entry->len = 1;
  __atomic_fetch_add(reinterpret_cast<unsigned*>(rings + params.sq_off.tail), 1, __ATOMIC_SEQ_CST);
  if (syscall(SYS_io_uring_enter, ring, 1, 0, 0, nullptr, 0) != 1) abort();
}

}  // namespace

SCENE(passed_fifo) {
  if (mkfifo("a \"fifo\"", 0600) != 0) abort();
  const int reader = open("a \"fifo\"", O_RDONLY | O_NONBLOCK);
  const int fd = open("a \"fifo\"", O_WRONLY);
  close(reader);
  write(fd, byte, 1);
}
// The reader leaves in the middle of a write, which says how much it has written.
SCENE(passed_pipe_after_a_part) {
  int ends[2];
  if (pipe(ends) != 0) abort();
  const pid_t parent = getpid();
  if (fork() == 0) {
    close(ends[1]);
    wait_asleep(parent, parent);
    _exit(0);
  }
  close(ends[0]);
  static char much[1 << 20];
  write(ends[1], much, sizeof much);
}
SCENE(passed_socketpair_by_write) { write(socketpair_on_1(), byte, 1); }
SCENE(passed_socketpair_by_send) { send(socketpair_on_1(), byte, 1, 0); }
SCENE(passed_socketpair_by_writev) { writev(socketpair_on_1(), &one_byte, 1); }
SCENE(passed_socketpair_by_dprintf) { dprintf(socketpair_on_1(), "x"); }

SCENE(passed_kill_of_child) {
  sent_by_child([](pid_t parent) { kill(parent, SIGPIPE); });
}
SCENE(passed_sigqueue_of_child) {
  sent_by_child([](pid_t parent) { sigqueue(parent, SIGPIPE, {}); });
}

SCENE(passed_in_thread) {
  std::thread([] {
    pthread_setname_np(pthread_self(), "piper");
    write(dead_pipe(), byte, 1);
  }).join();
}
SCENE(passed_in_child_of_fork) {
  const pid_t child = fork();
  if (child == 0) write(dead_pipe(), byte, 1);
  int status = 0;
  waitpid(child, &status, 0);
  printf("child %d, signal %d\n", static_cast<int>(child), WTERMSIG(status));
}
SCENE(passed_kill_of_second_child) {
  const int pipe = dead_pipe();
  for (const bool writes : {true, false}) {
    const pid_t child = fork();
    if (child == 0) _exit(writes ? static_cast<int>(write(pipe, byte, 1)) : kill(getpid(), SIGPIPE));
    int status = 0;
    waitpid(child, &status, 0);
    printf("child, signal %d\n", WTERMSIG(status));
  }
}
SCENE(passed_in_child_of_vfork) {
  const int fd = dead_pipe();
  const pid_t child = vfork();
  if (child == 0) {
    write(fd, byte, 1);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("child %d, signal %d\n", static_cast<int>(child), WTERMSIG(status));
}

SCENE(passed_to_handler_that_exits) {
  signal(SIGPIPE, [](int) { _exit(7); });
  write(dead_pipe(), byte, 1);
}
SCENE(passed_to_handler_that_exits_by_socket) {
  signal(SIGPIPE, [](int) { _exit(7); });
  write(dead_socket(), byte, 1);
}
SCENE(passed_to_handler_that_goes_on) {
  static volatile int calls = 0;
  signal(SIGPIPE, [](int) { calls = calls + 1; });
  const int fd = dead_pipe();
  for (int i = 0; i < 100; ++i) write(fd, byte, 1);
  printf("called %d times\n", calls);
}
// As Go's runtime does where the standard output is gone.
SCENE(passed_by_own_raise_after_epipe) {
  signal(SIGPIPE, [](int) {});
  dup2(dead_socket(), 1);
  if (syscall(SYS_write, 1, byte, 1) != -1) abort();
  signal(SIGPIPE, SIG_DFL);
  raise(SIGPIPE);
}
// The same place meets both: what is averted and what is not are counted apart.
SCENE(passed_and_averted_at_one_place) {
  const int fds[] = {dead_socket(), dead_socket(), dead_socket(), dead_pipe()};
  for (const int fd : fds) write(fd, byte, 1);
}

SCENE(passed_when_unblocked) {
  block_sigpipe(SIG_BLOCK);
  write(dead_pipe(), byte, 1);
  puts("blocked");
  fflush(stdout);
  block_sigpipe(SIG_UNBLOCK);
}
SCENE(passed_socketpair_when_unblocked) {
  block_sigpipe(SIG_BLOCK);
  write(socketpair_on_1(), byte, 1);
  block_sigpipe(SIG_UNBLOCK);
}
// What the write has left pending is taken, so that what comes then is not put down to it.
SCENE(passed_kill_of_thread_after_drained) {
  block_sigpipe(SIG_BLOCK);
  const int fd = dead_pipe();
  write(fd, byte, 1);
  const auto set = only_sigpipe();
  sigwaitinfo(&set, nullptr);
  close(fd);
  block_sigpipe(SIG_UNBLOCK);
  std::thread([] { kill(getpid(), SIGPIPE); }).join();
}

SCENE(passed_by_ring_later) {
  int peer;
  const int fd = full_socket(&peer);
  write_later(fd);
  close(peer);
  poll(nullptr, 0, 60'000);
}

SCENE(passed_by_timer) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGPIPE;
  timer_t timer;
  timer_create(CLOCK_MONOTONIC, &event, &timer);
  const itimerspec soon{{0, 0}, {0, 1}};
  timer_settime(timer, 0, &soon, nullptr);
  pause();
}
