// Scenes of a thread that blocks SIGPIPE, and so has taken charge: what it finds pending, and what unblocking lets in.
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "scenes.h"

namespace {

// Takes a pending SIGPIPE; false where there is none.
bool taken(siginfo_t* info = nullptr) {
  const sigset_t set = only_sigpipe();
  const timespec at_once{};
  return sigtimedwait(&set, info, &at_once) == SIGPIPE;
}

// A SIGPIPE of somebody's and then the writes', all let through at once.
void write_after(void (*send)()) {
  block_sigpipe(SIG_BLOCK);
  send();
  write(dead_socket(), byte, 1);
  writev(dead_socket(), &one_byte, 1);
  block_sigpipe(SIG_UNBLOCK);
  puts("alive");
}

}  // namespace

SCENE(sigwait_drains) {
  block_sigpipe(SIG_BLOCK);
  for (const auto& verb : verbs()) {
    const int fd = dead_socket();
    verb.call(fd);
    const sigset_t set = only_sigpipe();
    siginfo_t info{};
    const bool was_pending = pending();
    if (was_pending) sigwaitinfo(&set, &info);
    printf("%s: pending %d, by code %d, own pid %d, then pending %d\n", verb.name, was_pending, info.si_code,
           info.si_pid == getpid(), pending());
    close(fd);
  }
}

// Each time the thread is known not to block SIGPIPE, and then blocks it, by each function that there is for it.
SCENE(blocked_by_every_function) {
  const sigset_t only = only_sigpipe();
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
    const bool was_pending = taken();
    block_sigpipe(SIG_UNBLOCK);
    printf("%s: pending %d\n", name, was_pending);
  }
}

SCENE(unblocked_undrained) {
  for (const auto& verb : verbs()) {
    block_sigpipe(SIG_BLOCK);
    verb.call(dead_socket());
    block_sigpipe(SIG_UNBLOCK);
  }
  puts("alive");
}

// What stands as the call is made is not what stands as SIGPIPE is unblocked.
static void default_before_unblocked(void (*handler)(int)) {
  for (const auto& verb : verbs()) {
    signal(SIGPIPE, handler);
    block_sigpipe(SIG_BLOCK);
    verb.call(dead_socket());
    signal(SIGPIPE, SIG_DFL);
    block_sigpipe(SIG_UNBLOCK);
  }
  puts("alive");
}
SCENE(handled_and_default_before_unblocked) {
  default_before_unblocked([](int) {});
}
SCENE(ignored_and_default_before_unblocked) { default_before_unblocked(SIG_IGN); }

SCENE(raised_while_blocked) {
  write_after([] { raise(SIGPIPE); });
}
SCENE(killed_while_blocked) {
  write_after([] { kill(getpid(), SIGPIPE); });
}

// A kill that is pending when a write says EPIPE without raising anything: nobody may take it for the write's.
SCENE(kill_pending_at_silent_epipe) {
  block_sigpipe(SIG_BLOCK);
  std::thread([] {
    const int dead = dead_socket(SOCK_SEQPACKET);
    const pid_t child = fork();
    if (child == 0) _exit(kill(getppid(), SIGPIPE));
    waitpid(child, nullptr, 0);
    for (const auto& verb : verbs())
      if (verb.call(dead) != -1 || errno != EPIPE) printf("%s: %s\n", verb.name, strerror(errno));
    siginfo_t info{};
    printf("taken %d", taken(&info) ? SIGPIPE : -1);
    printf(", from the child %d, error %d\n", info.si_pid == child, info.si_errno);
  }).join();
}

// Meets EPIPEs in a handler that interrupts its calls, as often as it takes to come at each moment of them. Afterwards
// each EPIPE has to leave a SIGPIPE pending. The next alarm is set after a handler has returned: one that repeats
// itself leaves the thread nothing between two where a handler takes longer than that.
SCENE(epipes_between_calls) {
  static int dead;
  static std::atomic<long> ticks;
  const Pair live = unix_pair();
  dead = dead_socket();
  block_sigpipe(SIG_BLOCK);
  struct sigaction act {};
  act.sa_flags = SA_RESTART;
  act.sa_handler = [](int) {
    const int error = errno;
    ++ticks;
    send(dead, byte, 1, 0);
    taken();
    errno = error;
  };
  sigaction(SIGALRM, &act, nullptr);
  char buffer[4096];
  for (int set = 0; set < 20'000; ++set) {
    alarm_in(1 + set % 50);
    while (ticks == set) {
      writev(live.ours, &one_byte, 1);
      recv(live.theirs, buffer, sizeof buffer, MSG_DONTWAIT);
    }
  }
  int found = 0;
  for (int i = 0; i < 1000; ++i) found += send(dead, byte, 1, 0) == -1 && taken() ? 1 : 0;
  printf("pending: %d of 1000\n", found);
}
