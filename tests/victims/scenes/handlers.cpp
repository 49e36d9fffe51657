// Scenes in signal handlers, among other signals, and on little stack.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "scenes.h"

// Signals with a lower number than SIGPIPE's arrive as the system call comes back.
SCENE(among_other_signals) {
  std::atomic<bool> done = false;
  std::atomic<int> calls = 0;
  signal(SIGUSR1, [](int) {});
  struct sigaction act {};
  act.sa_sigaction = [](int, siginfo_t*, void*) {};
  act.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGHUP, &act, nullptr);
  std::thread writer([&] {
    const int source = file();
    while (!done) {
      const int fd = dead_socket();
      if (sendfile(fd, source, nullptr, 1) != -1 || errno != EPIPE) abort();
      if (dprintf(fd, "x") != -1 || errno != EPIPE) abort();
      close(fd);
      ++calls;
    }
  });
  for (int i = 0; i < 3'000; ++i) {
    pthread_kill(writer.native_handle(), i % 2 == 0 ? SIGUSR1 : SIGHUP);
    const int before = calls;
    while (i % 8 == 0 && calls == before) sched_yield();
  }
  done = true;
  writer.join();
  puts("alive");
}

// A handler that interrupts a thread asleep in a call on a live socket writes to a dead one.
SCENE(handler_inside_sleeping_call) {
  static int peer;
  const int fd = full_socket(&peer);
  signal(SIGALRM, [](int) {
    const int saved = errno;
    every_verb_says_epipe();
    char buffer[4096];
    while (recv(peer, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
    }
    errno = saved;
  });
  alarm_in(20'000);
  printf("writev: %zd, SIGPIPE %s\n", writev(fd, &one_byte, 1), blocked() ? "blocked" : "not blocked");
}

// A handler that comes in a call on a live socket writes to a dead one. Its signal is for who can send it at one moment
// of that call: before, it is ignored.
SCENE(handler_inside_writev) {
  static int dead;
  static bool is_inside = false, has_met_epipe = false;
  const Pair live = unix_pair();
  dead = dead_socket();
  signal(SIGWINCH, [](int) {
    const int error = errno;
    if (std::exchange(is_inside, false)) has_met_epipe = writev(dead, &one_byte, 1) == -1 && errno == EPIPE;
    errno = error;
  });
  is_inside = true;
  const auto written = writev(live.ours, &one_byte, 1);
  printf("written %zd, EPIPE in it %d\n", written, has_met_epipe);
}

// Writes from a signal handler that interrupts a thread inside the same calls. The next alarm is set by the thread:
// where the handler takes longer than the time between two, under valgrind say, an interval would leave it none.
SCENE(from_handler) {
  static volatile sig_atomic_t has_come;
  signal(SIGALRM, [](int) {
    const int saved = errno;
    every_verb_says_epipe();
    errno = saved;
    has_come = 1;
  });
  every_verb_says_epipe();  // what it initialises cannot be begun again by a handler in the midst of that
  has_come = 1;
  for (int round = 0; round < 200; ++round)
    for (const auto& verb : verbs()) {
      if (has_come) {
        has_come = 0;
        alarm_in(500);
      }
      const int fd = dead_socket();
      errno = 0;
      if (verb.call(fd) != -1 || errno != EPIPE) printf("%s: %s\n", verb.name, strerror(errno));
      close(fd);
    }
  alarm_every(0);
  printf("alive, SIGPIPE %s\n", blocked() ? "blocked" : "not blocked");
}

// A signal frame needs stack.
SCENE(small_stack) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, static_cast<size_t>(PTHREAD_STACK_MIN));
  static const int fd = dead_socket();
  pthread_t thread;
  pthread_create(
      &thread, &attributes, [](void*) -> void* { return reinterpret_cast<void*>(syscall(SYS_write, fd, byte, 1)); },
      nullptr);
  void* result;
  pthread_join(thread, &result);
  printf("alive: %ld\n", reinterpret_cast<long>(result));
}

namespace {

// Below it there is nothing to write to. Returns where it ends.
char* take_alternate_stack(size_t size) {
  const size_t page = 4096;
  const size_t rounded = (size + page - 1) / page * page;
  auto* area = static_cast<char*>(mmap(nullptr, page + rounded, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(area + page, rounded, PROT_READ | PROT_WRITE);
  const stack_t stack{area + page, 0, size};
  sigaltstack(&stack, nullptr);
  return area + page + size;
}

// What the kernel takes of it for itself. It depends on the processor, and MINSIGSTKSZ is the most that it could be.
size_t kernel_frame() {
  static char* begin;
  char* const end = take_alternate_stack(65536);
  struct sigaction act {};
  act.sa_flags = SA_ONSTACK;
  act.sa_handler = [](int) { begin = static_cast<char*>(__builtin_frame_address(0)); };
  sigaction(SIGUSR1, &act, nullptr);
  raise(SIGUSR1);
  return static_cast<size_t>(end - begin);
}

constexpr size_t kForAHandler = 1024;

void signal_on_stack() {
  struct sigaction act {};
  act.sa_flags = SA_ONSTACK;
  act.sa_handler = [](int) {};
  sigaction(SIGPIPE, &act, nullptr);
}

}  // namespace

SCENE(small_alternate_stack) {
  take_alternate_stack(kernel_frame() + kForAHandler);
  syscall(SYS_write, dead_socket(), byte, 1);
  puts("alive");
}

// How much of an alternate stack is written to below the kernel's frame: each by a child, since most of them end it.
SCENE(stack_of_each_end) {
  constexpr size_t kSize = 65536;
  const size_t frame = kernel_frame();
  const int socket = dead_socket(), pipe = dead_pipe();
  mkfifo("fifo", 0600);
  const int reader = open("fifo", O_RDONLY | O_NONBLOCK), fifo = open("fifo", O_WRONLY);
  close(reader);
  const auto writes_to = [](int fd) { syscall(SYS_write, fd, byte, 1); };
  const std::pair<const char*, std::function<void()>> ends[] = {{"socket", [&] { writes_to(socket); }},
                                                                {"pipe", [&] { writes_to(pipe); }},
                                                                {"fifo", [&] { writes_to(fifo); }},
                                                                {"kill", [] { kill(getpid(), SIGPIPE); }},
                                                                {"handler",
                                                                 [&] {
                                                                   signal_on_stack();
                                                                   writes_to(fifo);
                                                                 }},
                                                                {"totals", [&] {
                                                                   for (int i = 0; i < 7; ++i) writes_to(socket);
                                                                   writes_to(fifo);
                                                                 }}};
  auto* area = static_cast<char*>(mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  for (const auto& [name, end] : ends) {
    memset(area, 0x5a, kSize);
    const pid_t child = fork();
    if (child == 0) {
      const stack_t stack{area, 0, kSize};
      sigaltstack(&stack, nullptr);
      end();
      _exit(0);
    }
    waitpid(child, nullptr, 0);
    size_t untouched = 0;
    while (untouched < kSize && area[untouched] == 0x5a) ++untouched;
    printf("%s %ld\n", name, static_cast<long>(kSize - untouched) - static_cast<long>(frame));
  }
}

SCENE(alternate_stacks) {
  const int fd = dead_socket();
  const size_t smallest = kernel_frame() + kForAHandler;
  for (size_t more = 0; more < 100 * 128; more += 128) {
    take_alternate_stack(smallest + more);
    syscall(SYS_write, fd, byte, 1);
  }
  puts("alive");
}
