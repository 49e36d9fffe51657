// Scenes of a program that has handlers of SIGPIPE itself: called as the kernel would, and as many as it likes.
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <thread>
#include <utility>

#include "scenes.h"

namespace {

volatile int calls;

template <int N>
void numbered(int) {
  calls = calls + N;
}

template <int... N>
void set_each(std::integer_sequence<int, N...>) {
  (signal(SIGPIPE, numbered<N>), ...);
}

void wait_for_start() {
  char word;
  if (read(0, &word, 1) != 1) abort();
}

}  // namespace

SCENE(own_handler_is_called) {
  signal(SIGPIPE, [](int) { calls = calls + 1; });
  for (const auto& verb : verbs()) {
    const ssize_t result = verb.call(dead_socket());
    printf("%s: %zd, called %d times\n", verb.name, result, calls);
  }
}
SCENE(own_handler_ends_it) {
  signal(SIGPIPE, [](int) { _exit(9); });
  write(dead_socket(), byte, 1);
  puts("still here");
}

// One of them comes back at once, and writes are then made between two calls of getppid.
SCENE(twenty_handlers) {
  set_each(std::make_integer_sequence<int, 20>());
  const int fd = file();
  write(fd, byte, 1);
  wait_for_start();
  getppid();
  for (int i = 0; i < 3; ++i) write(fd, byte, 1);
  getppid();
}
SCENE(twenty_handlers_are_called) {
  set_each(std::make_integer_sequence<int, 20>());
  for (const auto& verb : verbs()) {
    const ssize_t result = verb.call(dead_socket());
    printf("%s: %zd, sum %d\n", verb.name, result, calls);
  }
}

// libc's own signal, which stands in nobody's way: it takes away whatever handler there is.
SCENE(default_by_libc_itself) {
  auto* libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  auto* set = reinterpret_cast<decltype(&signal)>(dlsym(libc, "signal"));
  if (set == nullptr) abort();
  set(SIGPIPE, SIG_DFL);
  for (const auto* name : {"write", "send", "sendto", "sendmsg", "sendmmsg"})
    if (verb_named(name).call(dead_socket()) != -1 || errno != EPIPE) abort();
  puts("alive");
}
SCENE(default_by_libc_itself_writev) {
  auto* libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  auto* set = reinterpret_cast<decltype(&signal)>(dlsym(libc, "signal"));
  if (set == nullptr) abort();
  set(SIGPIPE, SIG_DFL);
  if (writev(dead_socket(), &one_byte, 1) != -1 || errno != EPIPE) abort();
  puts("alive");
}

// As rt_sigaction takes it; without flags there is no restorer.
SCENE(default_by_number) {
  const struct {
    void (*handler)(int) = SIG_DFL;
    unsigned long flags = 0, restorer = 0, mask[2] = {};
  } act;
  if (syscall(SYS_rt_sigaction, SIGPIPE, &act, nullptr, 8) != 0) abort();
  every_verb_says_epipe();
  puts("alive");
}
// With a flag that says where a handler returns to, as libc sets it, which has been read back.
SCENE(default_that_was_read_back) {
  const struct {
    void (*handler)(int) = SIG_DFL;
    unsigned long flags = 0x04000000, restorer = 0, mask[2] = {};
  } act;
  if (syscall(SYS_rt_sigaction, SIGPIPE, &act, nullptr, 8) != 0) abort();
  struct sigaction old {};
  sigaction(SIGPIPE, nullptr, &old);
  sigaction(SIGPIPE, &old, nullptr);
  for (const auto* name : {"write", "writev", "sendfile"})
    if (verb_named(name).call(dead_socket()) != -1 || errno != EPIPE) abort();
  dprintf(dead_socket(), "x");
  puts("alive");
}
SCENE(handler_by_number) {
  struct sigaction given {};
  given.sa_handler = [](int) { puts("called"); };
  sigaction(SIGUSR1, &given, nullptr);
  unsigned long act[8] = {};
  if (syscall(SYS_rt_sigaction, SIGUSR1, nullptr, act, 8) != 0) abort();
  if (syscall(SYS_rt_sigaction, SIGPIPE, act, nullptr, 8) != 0) abort();
  every_verb("with a handler set by number");
}

// Two on each of ten, as a server meets them, between two calls of getppid.
SCENE(many_dead_in_turn) {
  std::vector<int> fds;
  for (int i = 0; i < 10; ++i) fds.push_back(dead_socket());
  for (const int fd : fds) send(fd, byte, 1, 0);
  wait_for_start();
  getppid();
  for (const int fd : fds) send(fd, byte, 1, 0), send(fd, byte, 1, 0);
  getppid();
}

// What stands behind the environment says where it is.
SCENE(without_vdso) {
  char** end = environ;
  while (*end != nullptr) ++end;
  for (auto* entry = reinterpret_cast<ElfW(auxv_t)*>(end + 1); entry->a_type != AT_NULL; ++entry)
    if (entry->a_type == AT_SYSINFO_EHDR) entry->a_type = AT_IGNORE;
  const int fd = dead_socket();
  for (int i = 0; i < 20; ++i) {  // with the tenth in a row the time is asked for
    errno = 0;
    send(fd, byte, 1, 0);
    if (errno != EPIPE) return void(printf("%d: %s\n", i, strerror(errno)));
  }
  puts(strerror(EPIPE));
}

// To read the processor's counter is SIGSEGV from here on, as the vDSO does for the time.
#ifdef PR_SET_TSC
SCENE(forbids_counter) {
  send(dead_socket(), byte, 1, 0);
  prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
  send(dead_socket(), byte, 1, 0);
  puts("alive");
}
SCENE(forbids_counter_by_syscall) {
  syscall(SYS_prctl, PR_SET_TSC, PR_TSC_SIGSEGV);
  send(dead_socket(), byte, 1, 0);
  puts("alive");
}
SCENE(reads_clock_without_counter) {
  prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  puts("alive");
}
#endif

SCENE(dead_writev_when_told) {
  const int fd = dead_socket();
  const iovec one{byte, 1};
  writev(fd, &one, 1);
  wait_for_start();
  getppid();
  writev(fd, &one, 1);
  getppid();
}

// No descriptor is free at its first writes, between two calls of getppid the first ones after that.
SCENE(writes_when_numbers_are_free_again) {
  const int dead = dead_socket();
  const Pair live = unix_pair();
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit none{static_cast<rlim_t>(live.ours), limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  if (dup(0) >= 0) abort();
  for (const auto& verb : {"write", "send", "writev"})
    if (verb_named(verb).call(dead) != -1 || errno != EPIPE) abort();
  setrlimit(RLIMIT_NOFILE, &limit);
  write(live.ours, byte, 1);
  wait_for_start();
  getppid();
  write(live.ours, byte, 1);
  write(dead, byte, 1);
  getppid();
}

// The fourth at one place, between two calls of getppid.
static void one_more_when_told(int fd) {
  for (int i = 0; i < 4; ++i) {
    if (i == 3) wait_for_start(), getppid();
    send(fd, byte, 1, 0);
  }
  getppid();
}

SCENE(one_more_on_unix_when_told) { one_more_when_told(dead_socket()); }

SCENE(one_more_on_tcp_when_told) {
  const int fd = tcp_pair().ours;
  shutdown(fd, SHUT_WR);
  one_more_when_told(fd);
}

// SIGPIPE is blocked, one is pending, and short writes are made on a live socket, between two calls of getppid.
SCENE(short_writes_while_blocked) {
  static char much[1 << 20];
  block_sigpipe(SIG_BLOCK);
  write(dead_socket(), byte, 1);
  const Pair live = unix_pair(SOCK_STREAM | SOCK_NONBLOCK);
  const iovec part{much, sizeof much};
  wait_for_start();
  getppid();
  for (int i = 0; i < 20; ++i) {
    if (writev(live.ours, &part, 1) <= 0) abort();
    while (recv(live.theirs, much, sizeof much, 0) > 0) {
    }
  }
  getppid();
}

SCENE(short_sendfiles_while_blocked) {
  static char much[1 << 20];
  block_sigpipe(SIG_BLOCK);
  write(dead_socket(), byte, 1);
  const Pair live = tcp_pair();
  fcntl(live.ours, F_SETFL, O_NONBLOCK);
  fcntl(live.theirs, F_SETFL, O_NONBLOCK);
  const int source = memfd_create("much", 0);
  if (ftruncate(source, 64 << 20) != 0) abort();
  wait_for_start();
  getppid();
  for (int i = 0; i < 20; ++i) {
    off_t begin = 0;
    sendfile(live.ours, source, &begin, 64 << 20);
    recv(live.theirs, much, sizeof much, 0);
  }
  getppid();
}

// Meets a dead socket again and again, until its standard input ends.
SCENE(until_input_ends) {
  const int fd = dead_socket();
  char word;
  while (read(0, &word, 1) == 1)
    if (writev(fd, &one_byte, 1) != -1 || errno != EPIPE) abort();
  puts("alive");
}

// One thread calls the handler, which resets, as the other meets the dead socket, too.
SCENE(reset_by_two_threads) {
  const int fd = dead_socket();
  pthread_barrier_t together;
  pthread_barrier_init(&together, nullptr, 2);
  const auto write_often = [&](bool sets) {
    for (int i = 0; i < 2000; ++i) {
      if (sets) signal(SIGPIPE, SIG_DFL), sysv_signal(SIGPIPE, [](int) {});
      pthread_barrier_wait(&together);
      write(fd, byte, 1);
      pthread_barrier_wait(&together);
    }
  };
  std::thread other(write_often, false);
  write_often(true);
  other.join();
  puts("alive");
}

// By the time the handler is called the default may stand.
SCENE(default_set_meanwhile) {
  const int fd = dead_socket();
  std::atomic<bool> over = false;
  std::thread writer([&] {
    while (!over) writev(fd, &one_byte, 1);
  });
  for (int i = 0; i < 50'000; ++i) signal(SIGPIPE, [](int) {}), signal(SIGPIPE, SIG_DFL);
  over = true;
  writer.join();
  puts("alive");
}

SCENE(handler_with_others_before) {
  const sighandler_t handlers[] = {numbered<0>,  numbered<1>,  numbered<2>,  numbered<3>, numbered<4>,
                                   numbered<5>,  numbered<6>,  numbered<7>,  numbered<8>, numbered<9>,
                                   numbered<10>, numbered<11>, numbered<12>, numbered<13>};
  for (auto* handler : handlers) sysv_signal(SIGPIPE, handler);
  sysv_signal(SIGPIPE, [](int) { puts("called"); });
  writev(dead_socket(), &one_byte, 1);
  writev(dead_socket(), &one_byte, 1);
  puts("alive");
}

// Those that need no stub leave room for one that does.
SCENE(handler_called_once_with_others_before) {
  set_each(std::make_integer_sequence<int, 20>());
  sysv_signal(SIGPIPE, [](int) { puts("called"); });
  const int fd = dead_socket();
  for (int i = 0; i < 2; ++i) syscall(SYS_write, fd, byte, 1);
  puts("alive");
}
