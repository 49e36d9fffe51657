// Scenes of what a program sets SIGPIPE to, and what it is told that it has set.
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>

#include "scenes.h"

SCENE(default_again) {
  signal(SIGPIPE, SIG_DFL);
  every_verb("default again");
}

// One thread sets SIGPIPE back to its default a million times while others write to dead sockets.
SCENE(reset_a_million_times) {
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

SCENE(set_by_two_threads) {
  std::atomic<bool> done = false;
  static std::atomic<bool> second_called = false;  // or the two would be one function
  const auto setter = [&](void (*handler)(int), int flags, int masked) {
    struct sigaction act {};
    act.sa_handler = handler;
    act.sa_flags = flags;
    sigaddset(&act.sa_mask, masked);
    while (!done) sigaction(SIGPIPE, &act, nullptr);
  };
  static const auto first = [](int) {};
  static const auto second = [](int) { second_called = true; };
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

// What each function answers that sets SIGPIPE or asks for it, and how a handler finds itself called: a long sequence,
// the same at each start.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
namespace {

void one_handler(int sig);
void other_handler(int sig, siginfo_t* info, void*);

const char* name_of(sighandler_t handler) {
  if (handler == SIG_DFL) return "default";
  if (handler == SIG_IGN) return "ignored";
  if (handler == SIG_ERR) return "error";
  if (handler == SIG_HOLD) return "held";
  return handler == one_handler ? "one" : "other";
}

void say_where_we_are(const char* handler) {
  stack_t stack{};
  sigaltstack(nullptr, &stack);
  sigset_t mask{};
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  printf("  %s called: blocked PIPE %d USR1 %d USR2 %d, alternate stack %d\n", handler, sigismember(&mask, SIGPIPE),
         sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2), (stack.ss_flags & SS_ONSTACK) != 0);
}
void one_handler(int) { say_where_we_are("one"); }
void other_handler(int, siginfo_t* info, void*) {
  say_where_we_are("other");
  printf("  code %d, own pid %d\n", info->si_code, info->si_pid == getpid());
}

void say_view() {
  struct sigaction act {};
  sigaction(SIGPIPE, nullptr, &act);
  printf("  view %s flags %x mask PIPE %d USR1 %d USR2 %d, blocked %d\n", name_of(act.sa_handler),
         static_cast<unsigned>(act.sa_flags), sigismember(&act.sa_mask, SIGPIPE), sigismember(&act.sa_mask, SIGUSR1),
         sigismember(&act.sa_mask, SIGUSR2), blocked());
}

}  // namespace

SCENE(view) {
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
  say_view();
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
    say_view();
    struct sigaction now {};
    sigaction(SIGPIPE, nullptr, &now);
    if (now.sa_handler == SIG_DFL) continue;
    raise(SIGPIPE);
    say_view();
    if (pending()) block_sigpipe(SIG_UNBLOCK);
  }
}
#pragma GCC diagnostic pop
