// One scene of a program's life, by name: what happens around writes to sockets whose peer has gone. Knows nothing of
// the shim. Prints what the program itself can observe and ends with status 0, unless SIGPIPE ends it.

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

char byte[1] = {'x'};
iovec one_byte{byte, 1};

int dead_socket() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) abort();
  close(ends[1]);
  return ends[0];
}

int file() {
  const int fd = memfd_create("file", 0);
  if (ftruncate(fd, 4096) != 0) abort();
  return fd;
}

int full_pipe_of_one() {
  int ends[2];
  if (pipe(ends) != 0 || write(ends[1], byte, 1) != 1) abort();
  return ends[0];
}

struct Verb {
  const char* name;
  std::function<ssize_t(int)> call;
};

ssize_t send_message(int fd) {
  msghdr message{};
  message.msg_iov = &one_byte;
  message.msg_iovlen = 1;
  return sendmsg(fd, &message, 0);
}

ssize_t send_messages(int fd) {
  mmsghdr message{};
  message.msg_hdr.msg_iov = &one_byte;
  message.msg_hdr.msg_iovlen = 1;
  return sendmmsg(fd, &message, 1, 0);
}

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> list = {
      {"write", [](int fd) { return write(fd, byte, 1); }},
      {"send", [](int fd) { return send(fd, byte, 1, 0); }},
      {"sendto", [](int fd) { return sendto(fd, byte, 1, 0, nullptr, 0); }},
      {"sendmsg", send_message},
      {"sendmmsg", send_messages},
      {"writev", [](int fd) { return writev(fd, &one_byte, 1); }},
      {"sendfile", [](int fd) { return sendfile(fd, file(), nullptr, 1); }},
      {"splice", [](int fd) { return splice(full_pipe_of_one(), nullptr, fd, nullptr, 1, 0); }},
  };
  return list;
}

// Calls every verb on a dead socket; each must say EPIPE.
void every_verb(const char* where) {
  for (const auto& verb : verbs()) {
    const int fd = dead_socket();
    const ssize_t result = verb.call(fd);
    if (result != -1 || errno != EPIPE) printf("%s %s: %zd %s\n", where, verb.name, result, strerror(errno));
    close(fd);
  }
  printf("%s: every verb said EPIPE\n", where);
}

bool blocked() {
  sigset_t set;
  pthread_sigmask(SIG_BLOCK, nullptr, &set);
  return sigismember(&set, SIGPIPE) == 1;
}

bool pending() {
  sigset_t set;
  sigpending(&set);
  return sigismember(&set, SIGPIPE) == 1;
}

void block_sigpipe(int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(how, &set, nullptr);
}

// Waits until a thread of this process sleeps in the kernel, by the state that /proc gives.
void wait_asleep(pid_t tid) {
  const std::string path = "/proc/self/task/" + std::to_string(tid) + "/stat";
  for (char state = 'R'; state != 'S';) {
    FILE* stat = fopen(path.c_str(), "r");
    if (stat == nullptr || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1) abort();
    fclose(stat);
    sched_yield();
  }
}

int filled(int fd) {
  char buffer[4096] = {};
  while (send(fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
  }
  while (send(fd, buffer, 1, MSG_DONTWAIT) > 0) {
  }
  return fd;
}

int full_socket(int* peer) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) abort();
  *peer = ends[1];
  return filled(ends[0]);
}

int full_tcp_socket(int* peer) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      connect(fd, reinterpret_cast<sockaddr*>(&address), length) != 0)
    abort();
  *peer = accept(listener, nullptr, nullptr);
  close(listener);
  return filled(fd);
}

// A thread that is blocked in a call is cancelled; its cleanup handler looks around.
struct Cancelled {
  const Verb* verb;
  int fd;
  std::atomic<pid_t> tid{0};
};

void cancelled_call(const Verb& verb) {
  int peer;
  Cancelled state{&verb, full_socket(&peer), {}};
  pthread_t thread;
  pthread_create(
      &thread, nullptr,
      [](void* argument) -> void* {
        auto* self = static_cast<Cancelled*>(argument);
        pthread_cleanup_push(
            [](void* verb_name) {
              printf("%s: cleanup, SIGPIPE %s\n", static_cast<char*>(verb_name), blocked() ? "blocked" : "not blocked");
            },
            const_cast<char*>(self->verb->name));
        self->tid = static_cast<pid_t>(syscall(SYS_gettid));
        self->verb->call(self->fd);
        pthread_testcancel();
        pthread_cleanup_pop(0);
        return nullptr;
      },
      &state);
  while (state.tid == 0) sched_yield();
  wait_asleep(state.tid);
  pthread_cancel(thread);
  char buffer[4096];  // sendfile is no cancellation point: let it end
  if (strcmp(verb.name, "sendfile") == 0)
    while (recv(peer, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
    }
  void* result;
  pthread_join(thread, &result);
  printf("%s: %s\n", verb.name, result == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
}

void cancellation() {
  for (const auto& verb : verbs()) cancelled_call(verb);
}

// Cancelled and told that its peer has gone in the same moment.
void cancelled_at_epipe() {
  for (const auto& verb : verbs()) {
    if (strcmp(verb.name, "sendfile") == 0) continue;  // no cancellation point
    int peer;
    Cancelled state{&verb, full_tcp_socket(&peer), {}};
    pthread_t thread;
    pthread_create(
        &thread, nullptr,
        [](void* argument) -> void* {
          auto* self = static_cast<Cancelled*>(argument);
          pthread_cleanup_push(
              [](void*) {
                if (blocked()) puts("cleanup with SIGPIPE blocked");
              },
              nullptr);
          self->tid = static_cast<pid_t>(syscall(SYS_gettid));
          while (self->verb->call(self->fd) > 0) {  // TCP finds room once more
          }
          pthread_testcancel();
          pthread_cleanup_pop(0);
          return nullptr;
        },
        &state);
    while (state.tid == 0) sched_yield();
    wait_asleep(state.tid);
    shutdown(state.fd, SHUT_RDWR);
    pthread_cancel(thread);
    pthread_join(thread, nullptr);
    close(peer);
    close(state.fd);
  }
}
void cancelled_at_epipe_often() {
  for (int i = 0; i < 50; ++i) cancelled_at_epipe();
  puts("alive");
}

// Somebody else sends SIGPIPE while this thread sleeps in a call, and then the peer leaves.
int handled = 0;
pid_t sender = 0;
void record(int, siginfo_t* info, void*) {
  ++handled;
  sender = info->si_pid;
}

void kill_meanwhile(const Verb& verb) {
  int peer;
  const int fd = full_socket(&peer);
  const pid_t self = getpid();
  const pid_t tid = static_cast<pid_t>(syscall(SYS_gettid));
  int go[2];
  if (pipe(go) != 0) abort();
  const pid_t child = fork();
  if (child == 0) {
    const std::string path = "/proc/" + std::to_string(self) + "/task/" + std::to_string(tid) + "/stat";
    for (char state = 'R'; state != 'S';) {
      FILE* stat = fopen(path.c_str(), "r");
      if (stat == nullptr || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1) _exit(1);
      fclose(stat);
    }
    kill(self, SIGPIPE);
    shutdown(peer, SHUT_RDWR);
    _exit(0);
  }
  close(peer);
  const ssize_t result = verb.call(fd);
  const int error = errno;
  waitpid(child, nullptr, 0);
  const bool reset = result == -1 && (error == EPIPE || error == ECONNRESET);
  printf("%s: %s, handled %s, by the sender %s\n", verb.name, reset ? "peer gone" : strerror(error),
         handled > 0 ? "yes" : "no", sender == child ? "yes" : "no");
  handled = 0;
}

void kill_meanwhile_default() { kill_meanwhile(verbs()[5]); }
void kill_meanwhile_default_splice() { kill_meanwhile(verbs()[7]); }

// A thread that blocks SIGPIPE has taken charge.
void sigwait_drains() {
  block_sigpipe(SIG_BLOCK);
  for (const auto& verb : verbs()) {
    const int fd = dead_socket();
    verb.call(fd);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    siginfo_t info{};
    const bool was_pending = pending();
    if (was_pending) sigwaitinfo(&set, &info);
    printf("%s: pending %d, by code %d, own pid %d, then pending %d\n", verb.name, was_pending, info.si_code,
           info.si_pid == getpid(), pending());
    close(fd);
  }
}

// Each time the thread is known not to block SIGPIPE, and then blocks it, by each function that there is for it.
void blocked_by_every_function() {
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  const unsigned long mask = 1UL << (SIGPIPE - 1);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  const std::pair<const char*, std::function<void()>> ways[] = {
      {"sigprocmask", [&] { sigprocmask(SIG_BLOCK, &only, nullptr); }},
      {"pthread_sigmask", [&] { pthread_sigmask(SIG_BLOCK, &only, nullptr); }},
      {"sigblock", [] { sigblock(1 << (SIGPIPE - 1)); }},
      {"sigsetmask", [] { sigsetmask(1 << (SIGPIPE - 1)); }},
      {"sighold", [] { sighold(SIGPIPE); }},
      {"sigset", [] { sigset(SIGPIPE, SIG_HOLD); }},
      {"syscall", [&] { syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, nullptr, 8); }},
  };
#pragma GCC diagnostic pop
  const int fd = dead_socket();
  for (const auto& [name, block] : ways) {
    write(fd, byte, 1);
    block();
    write(fd, byte, 1);
    siginfo_t info{};
    const timespec at_once{};
    const bool was_pending = sigtimedwait(&only, &info, &at_once) == SIGPIPE;
    block_sigpipe(SIG_UNBLOCK);
    printf("%s: pending %d\n", name, was_pending);
  }
}

void unblocked_undrained() {
  for (const auto& verb : verbs()) {
    block_sigpipe(SIG_BLOCK);
    verb.call(dead_socket());
    block_sigpipe(SIG_UNBLOCK);
  }
  puts("alive");
}

void raised_while_blocked() {
  block_sigpipe(SIG_BLOCK);
  raise(SIGPIPE);
  write(dead_socket(), byte, 1);
  writev(dead_socket(), &one_byte, 1);
  block_sigpipe(SIG_UNBLOCK);
  puts("alive");
}

void killed_while_blocked() {
  block_sigpipe(SIG_BLOCK);
  kill(getpid(), SIGPIPE);
  write(dead_socket(), byte, 1);
  writev(dead_socket(), &one_byte, 1);
  block_sigpipe(SIG_UNBLOCK);
  puts("alive");
}

// A kill that is pending when a write says EPIPE without raising anything: nobody may take it for the write's.
void kill_pending_at_silent_epipe() {
  block_sigpipe(SIG_BLOCK);
  std::thread([] {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) abort();
    close(ends[1]);
    const pid_t child = fork();
    if (child == 0) _exit(kill(getppid(), SIGPIPE));
    waitpid(child, nullptr, 0);
    for (const auto& verb : verbs())
      if (verb.call(ends[0]) != -1 || errno != EPIPE) printf("%s: %s\n", verb.name, strerror(errno));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    siginfo_t info{};
    const timespec at_once{};
    printf("taken %d", sigtimedwait(&set, &info, &at_once));
    printf(", from the child %d, error %d\n", info.si_pid == child, info.si_errno);
  }).join();
}

// kill of the own pid, while a thread whose sends can raise nothing is busy with a dead socket.
void kill_beside_quiet_sends() {
  static std::atomic<int> calls = 0;
  signal(SIGPIPE, [](int) { ++calls; });
  std::atomic<bool> done = false;
  std::thread busy([&] {
    while (!done) {
      const int fd = dead_socket();
      for (int i = 0; i < 50; ++i) send(fd, byte, 1, MSG_NOSIGNAL);
      close(fd);
    }
  });
  block_sigpipe(SIG_BLOCK);
  for (int i = 1; i <= 300; ++i) {
    kill(getpid(), SIGPIPE);
    while (calls < i) sched_yield();
  }
  done = true;
  busy.join();
  printf("handled: %d\n", calls.load());
}

// Signals with a lower number than SIGPIPE's arrive as the system call comes back.
void among_other_signals() {
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

// write(fd, buf, n) with n == -1, from a read that failed.
void length_of_minus_one() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) abort();
  static char buffer[100];
  for (const size_t length : {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 2 + 1}) {
    const ssize_t result = write(ends[0], buffer, length);
    printf("write: %zd %s\n", result, result < 0 ? strerror(errno) : "");
  }
  printf("arrived: %zd\n", recv(ends[1], buffer, sizeof buffer, MSG_DONTWAIT));
}

// A handler that interrupts a thread asleep in a call on a live socket writes to a dead one.
void handler_inside_sleeping_call() {
  static int peer;
  const int fd = full_socket(&peer);
  signal(SIGALRM, [](int) {
    const int saved = errno;
    for (const auto& verb : verbs()) {
      const int dead = dead_socket();
      if (verb.call(dead) != -1 || errno != EPIPE) abort();
      close(dead);
    }
    char buffer[4096];
    while (recv(peer, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
    }
    errno = saved;
  });
  const itimerval once{{0, 0}, {0, 20'000}};
  setitimer(ITIMER_REAL, &once, nullptr);
  printf("writev: %zd, SIGPIPE %s\n", writev(fd, &one_byte, 1), blocked() ? "blocked" : "not blocked");
}

// Writes from a signal handler that interrupts a thread inside the same calls.
void from_handler() {
  signal(SIGALRM, [](int) {
    const int saved = errno;
    for (const auto& verb : verbs()) {
      const int fd = dead_socket();
      if (verb.call(fd) != -1 || errno != EPIPE) abort();
      close(fd);
    }
    errno = saved;
  });
  const itimerval often{{0, 500}, {0, 500}};
  setitimer(ITIMER_REAL, &often, nullptr);
  for (int round = 0; round < 200; ++round)
    for (const auto& verb : verbs()) {
      const int fd = dead_socket();
      errno = 0;
      if (verb.call(fd) != -1 || errno != EPIPE) printf("%s: %s\n", verb.name, strerror(errno));
      close(fd);
    }
  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
  printf("alive, SIGPIPE %s\n", blocked() ? "blocked" : "not blocked");
}

void threads() {
  std::vector<std::thread> list;
  for (int i = 0; i < 8; ++i)
    list.emplace_back([] {
      for (int round = 0; round < 500; ++round)
        for (const auto& verb : verbs()) {
          const int fd = dead_socket();
          if (verb.call(fd) != -1 || errno != EPIPE) abort();
          close(fd);
        }
    });
  for (auto& thread : list) thread.join();
  puts("alive");
}

// One thread sets SIGPIPE back to its default a million times while others write to dead sockets.
void reset_a_million_times() {
  std::atomic<bool> done = false;
  std::vector<std::thread> list;
  for (int i = 0; i < 2; ++i)
    list.emplace_back([&] {
      const int fd = dead_socket();
      while (!done) {
        dprintf(fd, "x");
        writev(fd, &one_byte, 1);
        write(fd, byte, 1);
      }
    });
  for (int i = 0; i < 1'000'000; ++i) signal(SIGPIPE, (i & 3) == 0 ? SIG_IGN : SIG_DFL);
  done = true;
  for (auto& thread : list) thread.join();
  puts("alive");
}

void set_by_two_threads() {
  std::atomic<bool> done = false;
  const auto setter = [&](void (*handler)(int), int flags, int masked) {
    struct sigaction act {};
    act.sa_handler = handler;
    act.sa_flags = flags;
    sigaddset(&act.sa_mask, masked);
    while (!done) sigaction(SIGPIPE, &act, nullptr);
  };
  static const auto first = [](int) {};
  static const auto second = [](int) { handled = 1; };
  std::thread one([&] { setter(first, SA_RESTART, SIGUSR1); });
  std::thread two([&] { setter(second, SA_NODEFER | SA_ONSTACK, SIGUSR2); });
  int torn = 0;
  for (int i = 0; i < 300'000; ++i) {
    struct sigaction act {};
    sigaction(SIGPIPE, nullptr, &act);
    act.sa_flags &= ~0x04000000;  // SA_RESTORER, which libc adds
    const bool is_first = act.sa_handler == +first && act.sa_flags == SA_RESTART && sigismember(&act.sa_mask, SIGUSR1);
    const bool is_second =
        act.sa_handler == +second && act.sa_flags == (SA_NODEFER | SA_ONSTACK) && sigismember(&act.sa_mask, SIGUSR2);
    const bool is_initial = act.sa_handler == SIG_DFL;
    if (!is_first && !is_second && !is_initial) ++torn;
  }
  done = true;
  one.join();
  two.join();
  printf("torn: %d\n", torn);
}

// What an exec'd program finds: the kernel's own words, read by a program without the shim.
void exec_report(void (*prepare)()) {
  prepare();
  execlp("env", "env", "-u", "LD_PRELOAD", "grep", "-E", "^Sig(Pnd|Blk|Ign|Cgt)", "/proc/self/status", nullptr);
}
void exec_default() {
  exec_report([] {});
}
void exec_ignored() {
  exec_report([] { signal(SIGPIPE, SIG_IGN); });
}
void exec_handler() {
  exec_report([] { signal(SIGPIPE, [](int) {}); });
}
void exec_blocked() {
  exec_report([] { block_sigpipe(SIG_BLOCK); });
}
void exec_after_epipe_blocked() {
  exec_report([] {
    block_sigpipe(SIG_BLOCK);
    write(dead_socket(), byte, 1);
  });
}

void fork_child() {
  const pid_t child = fork();
  if (child == 0) {
    every_verb("child");
    fflush(stdout);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  printf("child %s\n", WIFEXITED(status) ? "exited" : strsignal(WTERMSIG(status)));
  every_verb("parent");
}

// A child of vfork shares our memory, not our dispositions.
void vfork_child() {
  const pid_t child = vfork();
  if (child == 0) {
    signal(SIGPIPE, SIG_IGN);
    write(dead_socket(), byte, 1);
    writev(dead_socket(), &one_byte, 1);
    _exit(7);
  }
  int status;
  waitpid(child, &status, 0);
  struct sigaction act {};
  sigaction(SIGPIPE, nullptr, &act);
  printf("child exited %d, our view %s\n", WEXITSTATUS(status), act.sa_handler == SIG_DFL ? "default" : "changed");
  every_verb("parent");
}

void system_and_popen() {
  const int status = system("yes | head -n 1; kill -PIPE $$");
  printf("system: signal %d\n", WTERMSIG(status));
  FILE* shell = popen("kill -PIPE $$", "r");
  printf("popen: signal %d\n", WTERMSIG(pclose(shell)));
}

// What no hook sees.
void stdio_on_socket() {
  FILE* stream = fdopen(dead_socket(), "w");
  fprintf(stream, "hello");
  printf("fflush: %d %s\n", fflush(stream), strerror(errno));
  fputs("more", stream);
  printf("fclose: %d %s\n", fclose(stream), strerror(errno));
  printf("dprintf: %d %s\n", dprintf(dead_socket(), "x"), strerror(errno));
}

void raise_still_kills() { raise(SIGPIPE); }
void kill_still_kills() {
  kill(getpid(), SIGPIPE);
  pause();
}
void pthread_kill_still_kills() {
  std::thread([] { pthread_kill(pthread_self(), SIGPIPE); }).join();
}
void pipe_still_kills() {
  int ends[2];
  if (pipe(ends) != 0) abort();
  close(ends[0]);
  write(ends[1], byte, 1);
}
void pipe_stdio_still_kills() {
  int ends[2];
  if (pipe(ends) != 0) abort();
  close(ends[0]);
  dprintf(ends[1], "x");
}
void pipe_splice_still_kills() {
  int ends[2];
  if (pipe(ends) != 0) abort();
  close(ends[0]);
  splice(full_pipe_of_one(), nullptr, ends[1], nullptr, 1, 0);
}
// The pipe is dead, the socket whose number stands in the first register is, too, but it was only read from.
void splice_from_dead_socket_to_dead_pipe_still_kills() {
  int sockets[2], ends[2];
  if (pipe(ends) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0) abort();
  send(sockets[1], byte, 1, 0);
  close(sockets[1]);
  close(ends[0]);
  splice(sockets[0], nullptr, ends[1], nullptr, 1, 0);
}

// A signal frame needs stack.
void small_stack() {
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
constexpr size_t for_a_handler = 1024;
void small_alternate_stack() {
  take_alternate_stack(kernel_frame() + for_a_handler);
  syscall(SYS_write, dead_socket(), byte, 1);
  puts("alive");
}
void alternate_stacks() {
  const int fd = dead_socket();
  const size_t smallest = kernel_frame() + for_a_handler;
  for (size_t more = 0; more < 100 * 128; more += 128) {
    take_alternate_stack(smallest + more);
    syscall(SYS_write, fd, byte, 1);
  }
  puts("alive");
}

[[noreturn]] void leave(int status) {
  syscall(SYS_exit, status);
  abort();
}

// seccomp: nothing but what the program names.
void strict(bool socket) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) abort();
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) abort();
  close(pipe_ends[0]);
  const int dead = socket ? dead_socket() : pipe_ends[1];
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
  if (write(ends[0], byte, 1) != 1) leave(2);
  if (write(dead, byte, 1) != -1 || errno != EPIPE) leave(3);
  leave(0);
}
void strict_socket() { strict(true); }
void strict_pipe() { strict(false); }

using Install = std::function<long(const sock_fprog*)>;

template <size_t N>
bool enters(sock_filter (&code)[N], const Install& install) {
  const sock_fprog program{N, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return install(&program) == 0;
}

void filtered(const Install& install) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) abort();
  const int dead = dead_socket();
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_writev, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  if (!enters(code, install)) leave(4);
  if (write(ends[0], byte, 1) != 1 || writev(ends[0], &one_byte, 1) != 1) leave(2);
  if (write(dead, byte, 1) != -1 || writev(dead, &one_byte, 1) != -1) leave(3);
  leave(0);
}
long by_prctl(const sock_fprog* program) { return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0); }
void filter_by_prctl() { filtered(by_prctl); }
void filter_after_epipe() {
  const int dead = dead_socket();
  send(dead, byte, 1, 0);
  filtered([dead](const sock_fprog* program) {
    const long result = by_prctl(program);
    for (int i = 0; i < 10; ++i) send(dead, byte, 1, 0);
    return result;
  });
}
// Gives a descriptor where it succeeds.
void filter_by_listener() {
  filtered([](const sock_fprog* program) {
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, program) > 0 ? 0 : -1;
  });
}
void filter_by_seccomp() {
  filtered([](const sock_fprog* program) { return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program); });
}

// seccomp: everything but these two.
void forbid(unsigned one, unsigned other) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, one, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, other, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  if (!enters(code, by_prctl)) abort();
}
void writes_only() {
  const int fd = dead_socket();
  if (write(fd, byte, 1) != -1 || writev(fd, &one_byte, 1) != -1) abort();
  puts("alive");
}
void started_in_filter() {
  forbid(SYS_sendto, SYS_ioctl);
  execl("/proc/self/exe", "scenes", "writes_only", nullptr);
  abort();
}
void filter_before_socket() {
  forbid(SYS_sendto, SYS_ioctl);
  writes_only();
}

// A handler that leaves errno as it likes.
void handler_with_errno() {
  signal(SIGPIPE, [](int) { errno = EAGAIN; });
  const int fd = dead_socket();
  int others = 0;
  for (int i = 0; i < 30; ++i) others += send(fd, byte, 1, 0) == -1 && errno != EPIPE ? 1 : 0;
  printf("not EPIPE: %d\n", others);
}

// Blocks SIGPIPE, and meets EPIPEs in a handler that interrupts its calls, as often as it takes to come at each moment
// of them. Afterwards each EPIPE has to leave a SIGPIPE pending.
void epipes_between_calls() {
  static int dead;
  static std::atomic<long> ticks;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) abort();
  dead = dead_socket();
  block_sigpipe(SIG_BLOCK);
  static bool (*const drain)() = [] {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    const timespec at_once{};
    return sigtimedwait(&set, nullptr, &at_once) == SIGPIPE;
  };
  struct sigaction act {};
  act.sa_flags = SA_RESTART;
  act.sa_handler = [](int) {
    const int error = errno;
    ++ticks;
    send(dead, byte, 1, 0);
    drain();
    errno = error;
  };
  sigaction(SIGALRM, &act, nullptr);
  const itimerval often{{0, 30}, {0, 30}};
  setitimer(ITIMER_REAL, &often, nullptr);
  char buffer[4096];
  while (ticks < 20'000) {
    for (int i = 0; i < 200; ++i) writev(ends[0], &one_byte, 1);
    recv(ends[1], buffer, sizeof buffer, MSG_DONTWAIT);
  }
  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
  int found = 0;
  for (int i = 0; i < 1000; ++i) found += send(dead, byte, 1, 0) == -1 && drain() ? 1 : 0;
  printf("pending: %d of 1000\n", found);
}

// Never looks at what write returns. The number of writes is left where the starter can read it: fd 3, a file.
void run_away(const std::function<void(int)>& write_once) {
  auto* count = static_cast<std::atomic<long>*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0));
  const int fd = dead_socket();
  for (; *count < 2'000'000; ++*count) write_once(fd);
}
void runaway() {
  run_away([](int fd) { write(fd, byte, 1); });
}
void runaway_guarded() {
  run_away([](int fd) { writev(fd, &one_byte, 1); });
}
// EPIPE without a signal, as often as one likes.
void many_silent_epipes() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) abort();
  close(ends[1]);
  for (int i = 0; i < 1000; ++i)
    if (write(ends[0], byte, 1) != -1 || writev(ends[0], &one_byte, 1) != -1) abort();
  puts("alive");
}
// A handler that does nothing would have been called, and no more.
void runaway_idle_handler() {
  signal(SIGPIPE, [](int) { ++handled; });
  std::thread([] {
    const int fd = dead_socket();
    for (int i = 0; i < 2'000; ++i) send(fd, byte, 1, 0);
  }).join();
  puts("alive");
}
// Children of a process in which another thread is just being told of.
void fork_while_telling() {
  std::atomic<bool> done = false;
  std::thread teller([&] {
    while (!done) {
      const int fd = dead_socket();
      write(fd, byte, 1);
      close(fd);
    }
  });
  for (int i = 0; i < 500; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      write(dead_socket(), byte, 1);
      _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) raise(WTERMSIG(status));  // whichever dies first, it ends so
    if (status != 0) abort();
  }
  done = true;
  teller.join();
  puts("alive");
}
void runaway_unseen() {
  run_away([](int fd) { dprintf(fd, "x"); });
}
void runaway_ignored() {
  signal(SIGPIPE, SIG_IGN);
  run_away([](int fd) { write(fd, byte, 1); });
}
// The same beside another thread: with SIGPIPE ignored nobody is slowed down.
void runaway_ignored_thread() {
  signal(SIGPIPE, SIG_IGN);
  std::thread([] { run_away([](int fd) { write(fd, byte, 1); }); }).join();
}
void runaway_handled() {
  signal(SIGPIPE, [](int) { _exit(9); });
  run_away([](int fd) { write(fd, byte, 1); });
}
// Beside a thread that serves others: reads from its standard input until the end, and says so.
void runaway_thread() {
  std::thread(runaway).detach();
  char buffer[64];
  while (read(0, buffer, sizeof buffer) > 0) printf("served\n"), fflush(stdout);
  _exit(0);
}
// Each client aborts after one write, and the next gets its fd: nobody runs away.
void many_clients() {
  for (int i = 0; i < 5000; ++i) {
    const int fd = dead_socket();
    write(fd, byte, 1);
    close(fd);
  }
  puts("alive");
}
// Neither of two dead sockets is written to twice in a row.
void two_in_turns() {
  const int one = dead_socket();
  const int other = dead_socket();
  for (int i = 0; i < 1000; ++i) {
    write(one, byte, 1);
    write(other, byte, 1);
  }
  puts("alive");
}
// From one dead socket, after 25 writes, to another.
void two_runaways() {
  for (const int fd : {dead_socket(), dead_socket()})
    for (int i = 0; i < 25; ++i) write(fd, byte, 1);
}

void stale_hints() {
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

void alive() { every_verb("here"); }
void default_again() {
  signal(SIGPIPE, SIG_DFL);
  every_verb("default again");
}

// What each function answers that sets SIGPIPE or asks for it, and how a handler finds itself called: a long sequence,
// the same at each start.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void one_handler(int sig);
void other_handler(int sig, siginfo_t* info, void*);

const char* name_of(sighandler_t handler) {
  if (handler == SIG_DFL) return "default";
  if (handler == SIG_IGN) return "ignored";
  if (handler == SIG_ERR) return "error";
  if (handler == SIG_HOLD) return "held";
  return handler == one_handler ? "one" : "other";
}

void tell_where_we_are(const char* handler) {
  stack_t stack{};
  sigaltstack(nullptr, &stack);
  sigset_t mask{};
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  printf("  %s called: blocked PIPE %d USR1 %d USR2 %d, alternate stack %d\n", handler, sigismember(&mask, SIGPIPE),
         sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2), (stack.ss_flags & SS_ONSTACK) != 0);
}
void one_handler(int) { tell_where_we_are("one"); }
void other_handler(int, siginfo_t* info, void*) {
  tell_where_we_are("other");
  printf("  code %d, own pid %d\n", info->si_code, info->si_pid == getpid());
}

void tell_view() {
  struct sigaction act {};
  sigaction(SIGPIPE, nullptr, &act);
  printf("  view %s flags %x mask PIPE %d USR1 %d USR2 %d, blocked %d\n", name_of(act.sa_handler),
         static_cast<unsigned>(act.sa_flags), sigismember(&act.sa_mask, SIGPIPE), sigismember(&act.sa_mask, SIGUSR1),
         sigismember(&act.sa_mask, SIGUSR2), blocked());
}

void view() {
  static char area[65536];
  const stack_t stack{area, 0, sizeof area};
  sigaltstack(&stack, nullptr);
  unsigned state = 1;
  const auto pick = [&](unsigned count) {
    state = state * 1103515245 + 12345;
    return (state >> 16) % count;
  };
  const unsigned flags[] = {SA_RESTART, SA_RESETHAND, SA_NODEFER, SA_ONSTACK};
  const sighandler_t handlers[] = {SIG_DFL, SIG_IGN, one_handler};
  tell_view();
  for (int i = 0; i < 5000; ++i) {
    const unsigned what = pick(9);
    const sighandler_t handler = handlers[pick(3)];
    printf("%d: ", i);
    if (what == 0 || what == 1) {
      struct sigaction act {
      }, old{};
      act.sa_handler = handler;
      for (const unsigned flag : flags)
        if (pick(2) != 0) act.sa_flags |= static_cast<int>(flag);
      if (pick(2) != 0) sigaddset(&act.sa_mask, SIGUSR1);
      if (pick(2) != 0) sigaddset(&act.sa_mask, SIGUSR2);
      if (handler == one_handler && pick(2) != 0) {
        act.sa_sigaction = other_handler;
        act.sa_flags |= SA_SIGINFO;
      }
      printf("sigaction %d, was %s\n", sigaction(SIGPIPE, &act, &old), name_of(old.sa_handler));
    }
    if (what == 2) printf("signal %s\n", name_of(signal(SIGPIPE, handler)));
    if (what == 3) printf("sysv_signal %s\n", name_of(sysv_signal(SIGPIPE, handler)));
    if (what == 4) printf("ssignal %s\n", name_of(ssignal(SIGPIPE, handler)));
    if (what == 5) printf("sigset %s\n", name_of(sigset(SIGPIPE, pick(4) == 0 ? SIG_HOLD : handler)));
    if (what == 6) printf("sigignore %d\n", sigignore(SIGPIPE));
    if (what == 7) printf("siginterrupt %d\n", siginterrupt(SIGPIPE, static_cast<int>(pick(2))));
    if (what == 8) printf("signal SIG_ERR %s\n", name_of(signal(SIGPIPE, SIG_ERR)));
    tell_view();
    struct sigaction now {};
    sigaction(SIGPIPE, nullptr, &now);
    if (now.sa_handler == SIG_DFL) continue;
    raise(SIGPIPE);
    tell_view();
    if (pending()) block_sigpipe(SIG_UNBLOCK);
  }
}
#pragma GCC diagnostic pop

// fd 1 is what the starter gave.
void standard_output_after_sockets() {
  const int fd = dead_socket();
  for (int i = 0; i < 3; ++i) write(fd, byte, 1);
  fputs("alive\n", stderr);
  send(1, byte, 1, 0), _exit(0);
}
void standard_output_write() { write(1, byte, 1), _exit(0); }
void standard_output_writev() { writev(1, &one_byte, 1), _exit(0); }
void standard_output_stdio() {
  puts("x");
  fflush(stdout);
  _exit(0);
}

#define SCENE(name) \
  { #name, name }
const std::map<std::string, std::function<void()>> scenes = {
    SCENE(alive),
    SCENE(alternate_stacks),
    SCENE(blocked_by_every_function),
    SCENE(among_other_signals),
    SCENE(kill_pending_at_silent_epipe),
    SCENE(length_of_minus_one),
    SCENE(cancellation),
    SCENE(cancelled_at_epipe_often),
    SCENE(default_again),
    SCENE(epipes_between_calls),
    SCENE(exec_after_epipe_blocked),
    SCENE(exec_blocked),
    SCENE(exec_default),
    SCENE(exec_handler),
    SCENE(exec_ignored),
    SCENE(filter_after_epipe),
    SCENE(filter_before_socket),
    SCENE(filter_by_listener),
    SCENE(filter_by_prctl),
    SCENE(filter_by_seccomp),
    SCENE(fork_child),
    SCENE(fork_while_telling),
    SCENE(handler_inside_sleeping_call),
    SCENE(from_handler),
    SCENE(handler_with_errno),
    SCENE(kill_beside_quiet_sends),
    SCENE(kill_meanwhile_default),
    SCENE(kill_meanwhile_default_splice),
    SCENE(kill_still_kills),
    SCENE(killed_while_blocked),
    SCENE(many_clients),
    SCENE(many_silent_epipes),
    SCENE(pipe_splice_still_kills),
    SCENE(pipe_stdio_still_kills),
    SCENE(pipe_still_kills),
    SCENE(pthread_kill_still_kills),
    SCENE(raise_still_kills),
    SCENE(raised_while_blocked),
    SCENE(reset_a_million_times),
    SCENE(runaway),
    SCENE(runaway_guarded),
    SCENE(runaway_handled),
    SCENE(runaway_idle_handler),
    SCENE(runaway_ignored),
    SCENE(runaway_ignored_thread),
    SCENE(runaway_thread),
    SCENE(runaway_unseen),
    SCENE(set_by_two_threads),
    SCENE(sigwait_drains),
    SCENE(small_alternate_stack),
    SCENE(small_stack),
    SCENE(splice_from_dead_socket_to_dead_pipe_still_kills),
    SCENE(stale_hints),
    SCENE(standard_output_after_sockets),
    SCENE(standard_output_stdio),
    SCENE(standard_output_write),
    SCENE(standard_output_writev),
    SCENE(started_in_filter),
    SCENE(stdio_on_socket),
    SCENE(strict_pipe),
    SCENE(strict_socket),
    SCENE(system_and_popen),
    SCENE(threads),
    SCENE(two_in_turns),
    SCENE(two_runaways),
    SCENE(unblocked_undrained),
    SCENE(vfork_child),
    SCENE(view),
    SCENE(writes_only),
    {"kill_meanwhile_handled",
     [] {
       struct sigaction act {};
       act.sa_sigaction = record;
       act.sa_flags = SA_SIGINFO | SA_RESTART;
       sigaction(SIGPIPE, &act, nullptr);
       kill_meanwhile(verbs()[5]);
       kill_meanwhile(verbs()[7]);
     }},
};

}  // namespace

int main(int argc, char* argv[]) {
  const auto scene = argc == 2 ? scenes.find(argv[1]) : scenes.end();
  if (scene == scenes.end()) return 2;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  scene->second();
  return 0;
}
