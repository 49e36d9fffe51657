// Scenes of calls that sleep as SIGPIPE is sent, alone or behind SIGSTOP: which go on, which end, and by which signal.
// A SIGUSR1 ends those that go on.
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "scenes.h"

namespace {

constexpr timespec kLong{600, 0};

int empty_pipe() {
  int ends[2];
  must(pipe(ends), "pipe");
  return ends[0];
}

int quiet_socket() { return unix_pair().ours; }

int socket_with_timeout() {
  const int fd = quiet_socket();
  const timeval timeout{600, 0};
  must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), "SO_RCVTIMEO");
  return fd;
}

int listener() {
  const int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  bound_to_loopback(fd);
  must(listen(fd, 1), "listen");
  return fd;
}

int locked_file() {
  const int fd = file();
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const int other = must(open(path.c_str(), O_RDWR), "open");
  must(flock(fd, LOCK_EX), "flock");
  return other;
}

sem_t empty_semaphore;

struct Sleep {
  const char* name;
  std::function<long()> call;
};

std::vector<Sleep> sleeps(pid_t sender) {
  static char room[16];
  static sigset_t none, usr2;
  sigemptyset(&none);
  sigemptyset(&usr2);
  sigaddset(&usr2, SIGUSR2);
  sem_init(&empty_semaphore, 0, 0);
  const int in = empty_pipe(), quiet = quiet_socket(), timed = socket_with_timeout(), listening = listener();
  const int locked = locked_file(), queue = queue_of_one(), epoll = epoll_create1(0);
  int peer;
  const int full = full_socket(&peer);
  return {
      {"read", [=] { return read(in, room, 1); }},
      {"recv", [=] { return recv(quiet, room, 1, 0); }},
      {"recv with a timeout", [=] { return recv(timed, room, 1, 0); }},
      {"send", [=] { return send(full, room, 1, 0); }},
      {"writev", [=] { return writev(full, &one_byte, 1); }},
      {"accept", [=] { return accept(listening, nullptr, nullptr); }},
      {"poll", [] { return poll(nullptr, 0, 600'000); }},
      {"ppoll", [] { return ppoll(nullptr, 0, &kLong, nullptr); }},
      {"select",
       [] {
         timeval timeout{600, 0};
         return select(0, nullptr, nullptr, nullptr, &timeout);
       }},
      {"pselect", [] { return pselect(0, nullptr, nullptr, nullptr, &kLong, nullptr); }},
      {"epoll_wait",
       [=] {
         epoll_event event;
         return epoll_wait(epoll, &event, 1, 600'000);
       }},
      {"nanosleep", [] { return nanosleep(&kLong, nullptr); }},
      {"clock_nanosleep",
       [] {
         errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &kLong, nullptr);
         return -1;
       }},
      {"pause", [] { return pause(); }},
      {"sigtimedwait", [] { return sigtimedwait(&usr2, nullptr, &kLong); }},
      {"sem_wait", [] { return sem_wait(&empty_semaphore); }},
      {"waitpid", [=] { return waitpid(sender, nullptr, 0); }},
      {"flock", [=] { return flock(locked, LOCK_EX); }},
      {"mq_receive", [=] { return mq_receive(queue, room, sizeof room, nullptr); }},
  };
}

// Both processes see it.
struct Shared {
  std::atomic<bool> is_handled;
  std::atomic<int> round;
  std::atomic<int> sigpipes;
  std::atomic<int> others;
};
Shared* shared;

enum class Behind { nothing, stop };

// Sends in each round, when the other sleeps in its call.
[[noreturn]] void send_each(pid_t process, Behind behind) {
  for (int round = 1;; ++round) {
    while (shared->round < round) sched_yield();
    wait_asleep(process, process);
    if (behind == Behind::stop) {
      kill(process, SIGSTOP);
      while (state_of(process, process) != 'T') sched_yield();
    }
    kill(process, SIGPIPE);
    if (behind == Behind::stop) kill(process, SIGCONT);
    while (shared->is_handled && shared->sigpipes < round) sched_yield();
    wait_asleep(process, process);
    kill(process, SIGUSR1);
  }
}

void in_each_call(Behind behind, void (*prepare)()) {
  void* const memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  shared = new (memory) Shared{};
  struct sigaction act {};
  act.sa_handler = [](int) { ++shared->others; };
  sigaction(SIGUSR1, &act, nullptr);
  const pid_t process = getpid();
  const pid_t sender = fork();
  if (sender == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    send_each(process, behind);
  }
  prepare();
  struct sigaction now {};
  sigaction(SIGPIPE, nullptr, &now);
  shared->is_handled = now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN;
  const sigset_t only = only_sigpipe();
  const timespec at_once{};
  int round = 0;
  for (const auto& sleep : sleeps(sender)) {
    const int sigpipes_before = shared->sigpipes, others_before = shared->others;
    shared->round = ++round;
    errno = 0;
    const long result = sleep.call();
    const int error = errno, sigpipes = shared->sigpipes, others = shared->others;
    while (shared->others < round) poll(nullptr, 0, 1);
    const bool was_pending = sigtimedwait(&only, nullptr, &at_once) == SIGPIPE;
    printf("%s: %ld %s; SIGPIPE %d, SIGUSR1 %d, pending %d\n", sleep.name, result, strerror(error),
           sigpipes - sigpipes_before, others - others_before, was_pending);
  }
  kill(sender, SIGKILL);
}

void leave() {}
void ignore() { signal(SIGPIPE, SIG_IGN); }
void block() { block_sigpipe(SIG_BLOCK); }
void handle(int flags) {
  struct sigaction act {};
  act.sa_handler = [](int) { ++shared->sigpipes; };
  act.sa_flags = flags;
  sigaction(SIGPIPE, &act, nullptr);
}
void handle_and_end() { handle(0); }
void handle_and_restart() { handle(SA_RESTART); }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void handle_and_interrupt() {
  handle(SA_RESTART);
  siginterrupt(SIGPIPE, 1);
}
#pragma GCC diagnostic pop

// What a send has left pending before is of no effect.
void block_with_one_pending() {
  block();
  send(dead_socket(), byte, 1, 0);
}

}  // namespace

// Where it is the first process of a pid namespace this kills nobody.
SCENE(interrupted_default) { in_each_call(Behind::nothing, leave); }
SCENE(interrupted_ignored) { in_each_call(Behind::nothing, ignore); }
SCENE(interrupted_blocked) { in_each_call(Behind::nothing, block); }
SCENE(interrupted_handled) { in_each_call(Behind::nothing, handle_and_end); }
SCENE(interrupted_restarted) { in_each_call(Behind::nothing, handle_and_restart); }
SCENE(interrupted_by_siginterrupt) { in_each_call(Behind::nothing, handle_and_interrupt); }
SCENE(stopped_ignored) { in_each_call(Behind::stop, ignore); }
SCENE(stopped_blocked) { in_each_call(Behind::stop, block); }
SCENE(stopped_handled) { in_each_call(Behind::stop, handle_and_end); }
SCENE(stopped_restarted) { in_each_call(Behind::stop, handle_and_restart); }
SCENE(stopped_with_one_pending) { in_each_call(Behind::stop, block_with_one_pending); }
