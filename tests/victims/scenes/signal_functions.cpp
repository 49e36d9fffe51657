// Scenes of POSIX's signal functions given SIGPIPE: what sigaction's flags do and how they read back, waits that let it
// in, what a child, an executed program and /proc are shown.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "scenes.h"

namespace {

volatile int calls, depth;
void count(int) { calls = calls + 1; }

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

bool blocks(int signal) {
  sigset_t set;
  pthread_sigmask(SIG_BLOCK, nullptr, &set);
  return sigismember(&set, signal) == 1;
}

const char* name_of(void (*handler)(int)) {
  return handler == SIG_DFL ? "default" : handler == SIG_IGN ? "ignored" : handler == count ? "count" : "another";
}

void say_disposition(const char* what) {
  struct sigaction now {};
  const int result = sigaction(SIGPIPE, nullptr, &now);
  printf("%s: %d %s, flags %x, mask", what, result, name_of(now.sa_handler), static_cast<unsigned>(now.sa_flags));
  for (int signal = 1; signal <= SIGRTMAX; ++signal)
    if (sigismember(&now.sa_mask, signal) == 1) printf(" %d", signal);
  puts("");
}

void handle(void (*handler)(int), unsigned flags = 0, std::initializer_list<int> masked = {}) {
  struct sigaction act {};
  act.sa_handler = handler;
  act.sa_flags = static_cast<int>(flags);
  act.sa_mask = set_of(masked);
  sigaction(SIGPIPE, &act, nullptr);
}
void handle(void (*handler)(int, siginfo_t*, void*), unsigned flags = 0) {
  struct sigaction act {};
  act.sa_sigaction = handler;
  act.sa_flags = static_cast<int>(flags | SA_SIGINFO);
  sigaction(SIGPIPE, &act, nullptr);
}

void say_ending(int status) {
  printf("%s %d\n", WIFSIGNALED(status) ? "killed by" : "exited with",
         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

// How a child ends that does this.
void say_end_of_child(const char* name, void (*deed)()) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    deed();
    fflush(stdout);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("%s: ", name);
  say_ending(status);
}

const unsigned kFlags[] = {0,          SA_NOCLDSTOP, SA_NOCLDWAIT, SA_SIGINFO, SA_ONSTACK, SA_RESTART,
                           SA_NODEFER, SA_RESETHAND, 0x400,        0x800,      0x20000000, 0x40};

}  // namespace

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
SCENE(each_flag_read_back) {
  say_disposition("at the start");
  for (const sighandler_t handler : {SIG_DFL, SIG_IGN, sighandler_t{count}})
    for (const unsigned flag : kFlags) {
      handle(handler, flag);
      say_disposition("sigaction");
      handle(handler, flag | SA_RESTART | SA_ONSTACK, {SIGUSR1, SIGPIPE, SIGKILL, SIGSTOP, SIGRTMAX});
      say_disposition("with others");
      struct sigaction same {};
      sigaction(SIGPIPE, nullptr, &same);
      struct sigaction* const there = &same;
      sigaction(SIGPIPE, there, &same);
      say_disposition("the same again");
      for (const int interrupts : {1, 0}) {
        siginterrupt(SIGPIPE, interrupts);
        say_disposition(interrupts ? "siginterrupt 1" : "siginterrupt 0");
        printf("was %s\n", name_of(signal(SIGPIPE, handler)));
        say_disposition("signal");
      }
      sigset_t all;
      sigfillset(&all);
      struct sigaction act {};
      act.sa_handler = handler;
      act.sa_flags = static_cast<int>(flag);
      act.sa_mask = all;
      sigaction(SIGPIPE, &act, nullptr);
      say_disposition("with all");
    }
  errno = 0;
  struct sigaction act {};
  for (const int none : {0, -1, SIGRTMAX + 1, SIGKILL, SIGSTOP}) {
    const int result = sigaction(none, &act, nullptr);
    printf("signal %d: %d %s\n", none, result, strerror(errno));
  }
}
#pragma GCC diagnostic pop

// What a call of the handler is like, by raise and by a write.
namespace {

void raise_by_itself() { raise(SIGPIPE); }
void raise_by_write() { write(dead_socket(), byte, 1); }
constexpr void (*kBoth[])() = {raise_by_itself, raise_by_write};

void by_both(void (*say)()) {
  for (const auto raise_it : kBoth) {
    calls = 0;
    raise_it();
    say();
  }
}

void nests(int) {
  calls = calls + 1;
  depth = depth + 1;
  if (calls < 3) raise(SIGPIPE);
  printf("  call %d at depth %d, blocked %d, pending %d\n", calls, depth, blocked(), pending());
  depth = depth - 1;
}

sigjmp_buf place;
void jumps(int) {
  calls = calls + 1;
  if (calls == 1) raise(SIGPIPE);
  siglongjmp(place, 1);
}

}  // namespace

SCENE(handler_with_nodefer) {
  handle(nests, SA_NODEFER);
  by_both([] { printf("called %d\n", calls); });
}
SCENE(handler_without_nodefer) {
  handle(nests);
  by_both([] { printf("called %d\n", calls); });
}
SCENE(handler_with_nodefer_and_itself_in_the_mask) {
  handle(nests, SA_NODEFER, {SIGPIPE});
  by_both([] { printf("called %d\n", calls); });
}
SCENE(handler_reset) {
  for (const unsigned more : {0U, unsigned{SA_NODEFER}, unsigned{SA_SIGINFO}, unsigned{SA_RESTART}})
    for (const auto raise_it : kBoth) {
      handle([](int) { say_disposition("  inside"); }, SA_RESETHAND | more);
      raise_it();
      say_disposition("after");
    }
}
SCENE(handler_reset_and_again) {
  say_end_of_child("raise", [] {
    handle(count, SA_RESETHAND);
    raise(SIGPIPE);
    printf("called %d\n", calls);
    fflush(stdout);
    raise(SIGPIPE);
  });
  say_end_of_child("raise inside", [] {
    handle([](int) { raise(SIGPIPE), puts("inside"), fflush(stdout); }, SA_RESETHAND);
    raise(SIGPIPE);
  });
  say_end_of_child("raise inside, with SA_NODEFER", [] {
    handle([](int) { raise(SIGPIPE), puts("inside"), fflush(stdout); }, SA_RESETHAND | SA_NODEFER);
    raise(SIGPIPE);
  });
}
SCENE(handler_on_alternate_stack) {
  static char room[65536];
  for (const int flags : {0, 1 << 31}) {  // SS_AUTODISARM
    const stack_t stack{room, flags, sizeof room};
    must(sigaltstack(&stack, nullptr), "sigaltstack");
    handle(
        [](int, siginfo_t*, void* context) {
          stack_t now{}, other{room, 0, sizeof room};
          sigaltstack(nullptr, &now);
          const char here = 0;
          const auto* saved = static_cast<ucontext_t*>(context);
          printf("  on it %d, flags %x, ", &here >= room && &here < room + sizeof room,
                 static_cast<unsigned>(now.ss_flags));
          const int result = sigaltstack(&other, nullptr);
          printf("changed %d %s; the context has it %d, flags %x\n", result, result < 0 ? strerror(errno) : "",
                 saved->uc_stack.ss_sp == room, static_cast<unsigned>(saved->uc_stack.ss_flags));
        },
        SA_ONSTACK);
    by_both([] {
      stack_t now{};
      sigaltstack(nullptr, &now);
      printf("  afterwards %d, flags %x\n", now.ss_sp == room, static_cast<unsigned>(now.ss_flags));
    });
  }
}
SCENE(handler_changes_the_context) {
  handle([](int signal, siginfo_t* info, void* context) {
    auto* saved = static_cast<ucontext_t*>(context);
    printf("  signal %d %d, the mask before has SIGUSR1 %d, SIGPIPE %d\n", signal, info->si_signo,
           sigismember(&saved->uc_sigmask, SIGUSR1), sigismember(&saved->uc_sigmask, SIGPIPE));
    sigaddset(&saved->uc_sigmask, SIGUSR2);
  });
  const sigset_t usr1 = set_of({SIGUSR1}), usr2 = set_of({SIGUSR2});
  pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
  for (int i = 0; i < 2; ++i) {
    raise(SIGPIPE);
    printf("blocked SIGUSR2 %d, SIGPIPE %d\n", blocks(SIGUSR2), blocked());
    pthread_sigmask(SIG_UNBLOCK, &usr2, nullptr);
    write(dead_socket(), byte, 1);
    printf("blocked SIGUSR2 %d, SIGPIPE %d\n", blocks(SIGUSR2), blocked());
    pthread_sigmask(SIG_UNBLOCK, &usr2, nullptr);
  }
}
SCENE(handler_left_from_within) {
  for (const unsigned flags : {0U, unsigned{SA_NODEFER}, unsigned{SA_RESETHAND | SA_NODEFER}}) {
    const auto leave = [&](bool saves, void (*raise_it)()) {
      calls = flags == (SA_RESETHAND | SA_NODEFER) ? 1 : 0;
      handle(jumps, flags);
      if (sigsetjmp(place, saves) == 0) raise_it();
      printf("flags %x, saves %d: called %d, blocked %d, pending %d\n", flags, saves, calls, blocked(), pending());
      signal(SIGPIPE, SIG_IGN);
      block_sigpipe(SIG_UNBLOCK);
    };
    for (const bool saves : {true, false}) {
      leave(saves, [] { raise(SIGPIPE); });
      leave(saves, [] { write(dead_socket(), byte, 1); });
      leave(saves, [] { writev(dead_socket(), &one_byte, 1); });
    }
  }
}

// One is pending that was sent, and a wait lets it in.
namespace {

void waits_that_let_it_in(void (*say)(const char*, int (*)(const sigset_t*))) {
  say("sigsuspend", [](const sigset_t* set) { return sigsuspend(set); });
  say("ppoll", [](const sigset_t* set) {
    const timespec limit{600, 0};
    return ppoll(nullptr, 0, &limit, set);
  });
  say("ppoll at once", [](const sigset_t* set) {
    const timespec limit{};
    return ppoll(nullptr, 0, &limit, set);
  });
  say("pselect", [](const sigset_t* set) {
    const timespec limit{600, 0};
    return pselect(0, nullptr, nullptr, nullptr, &limit, set);
  });
  say("epoll_pwait", [](const sigset_t* set) {
    epoll_event event;
    static const int epoll = epoll_create1(0);
    return epoll_pwait(epoll, &event, 1, 600'000, set);
  });
  say("epoll_pwait at once", [](const sigset_t* set) {
    epoll_event event;
    static const int epoll = epoll_create1(0);
    return epoll_pwait(epoll, &event, 1, 0, set);
  });
}

void ends_the_wait(int) { depth = depth + 1; }

// A SIGUSR1 is pending, too, which ends each.
int with_both_pending(int (*wait)(const sigset_t*)) {
  signal(SIGUSR1, ends_the_wait);
  const sigset_t both = set_of({SIGPIPE, SIGUSR1, SIGHUP}), inside = set_of({SIGHUP});
  pthread_sigmask(SIG_BLOCK, &both, nullptr);
  kill(getpid(), SIGPIPE);
  raise(SIGUSR1);
  errno = 0;
  return wait(&inside);
}

void say_wait(const char* name, int (*wait)(const sigset_t*)) {
  calls = 0;
  depth = 0;
  const int result = with_both_pending(wait);
  const char* const error = result < 0 ? strerror(errno) : "";
  printf("%s: %d %s, SIGPIPE %d, SIGUSR1 %d, blocked %d, pending %d\n", name, result, error, calls, depth, blocked(),
         pending());
  const sigset_t both = set_of({SIGPIPE, SIGUSR1});
  const timespec at_once{};
  while (sigtimedwait(&both, nullptr, &at_once) > 0) {
  }
}

}  // namespace

SCENE(waits_let_it_in_handled) {
  handle(count);
  waits_that_let_it_in(say_wait);
}
SCENE(waits_let_it_in_handled_once) {
  waits_that_let_it_in([](const char* name, int (*wait)(const sigset_t*)) {
    handle(count, SA_RESETHAND | SA_RESTART);
    say_wait(name, wait);
    say_disposition("  then");
  });
}
SCENE(waits_let_it_in_ignored) {
  handle(SIG_IGN);
  waits_that_let_it_in(say_wait);
}
SCENE(waits_let_it_in_default) {
  static int (*deed)(const sigset_t*);
  waits_that_let_it_in([](const char* name, int (*wait)(const sigset_t*)) {
    deed = wait;
    say_end_of_child(name, [] { with_both_pending(deed); });
  });
}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
SCENE(sigpause_lets_it_in) {
  handle(count);
  block_sigpipe(SIG_BLOCK);
  raise(SIGPIPE);
  const int result = sigpause(SIGPIPE);
  printf("sigpause: %d %s, called %d, blocked %d\n", result, strerror(errno), calls, blocked());
  say_end_of_child("sigpause", [] {
    handle(SIG_DFL);
    raise(SIGPIPE);
    sigpause(SIGPIPE);
  });
}
#pragma GCC diagnostic pop

// To ignore it discards what is pending, the default does not.
SCENE(discarded_by_ignoring) {
  const std::pair<const char*, void (*)()> ways[] = {{"raise", [] { raise(SIGPIPE); }},
                                                     {"kill", [] { kill(getpid(), SIGPIPE); }},
                                                     {"write", [] { write(dead_socket(), byte, 1); }},
                                                     {"writev", [] { writev(dead_socket(), &one_byte, 1); }},
                                                     {"write to a pipe", [] { write(dead_pipe(), byte, 1); }}};
  block_sigpipe(SIG_BLOCK);
  for (const auto& [name, raise_it] : ways) {
    raise_it();
    printf("%s: pending %d", name, pending());
    handle(SIG_DFL);
    printf(", default %d", pending());
    handle(count);
    printf(", handled %d", pending());
    handle(SIG_IGN);
    printf(", ignored %d", pending());
    raise_it();  // what is blocked is not discarded as it comes
    printf(", sent then %d\n", pending());
    handle(SIG_IGN);
    handle(SIG_DFL);
  }
}

// Children.

namespace {

void say_status() {
  FILE* status = fopen("/proc/self/status", "r");
  if (status == nullptr) abort();
  char line[256];
  while (fgets(line, sizeof line, status) != nullptr) {
    if (strncmp(line, "SigCgt:", 7) == 0)
      printf("SigCgt but for SIGPIPE: %llx\n", strtoull(line + 7, nullptr, 16) & ~(1ULL << (SIGPIPE - 1)));
    else if (strncmp(line, "Sig", 3) == 0 || strncmp(line, "Shd", 3) == 0)
      printf("%s", strncmp(line, "SigQ:", 5) == 0 ? "" : line);
  }
  fclose(status);
}

// In each state, and with one pending for the thread and the process where it is blocked.
void in_each_state(void (*deed)()) {
  handle(SIG_DFL);
  deed();
  handle(SIG_IGN);
  deed();
  handle(count);
  deed();
  block_sigpipe(SIG_BLOCK);
  deed();
  raise(SIGPIPE);
  deed();
  kill(getpid(), SIGPIPE);
  deed();
  handle(SIG_IGN);
  deed();
  raise(SIGPIPE);
  kill(getpid(), SIGPIPE);
  deed();
  handle(SIG_DFL);
  deed();
}

const char* const kReport[] = {
    "env", "-u", "LD_PRELOAD", "grep", "-E", "^(Sig|Shd)(Pnd|Blk|Ign|Cgt)", "/proc/self/status", nullptr};
char* const* report() { return const_cast<char* const*>(kReport); }

void wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  printf("ended %x\n", static_cast<unsigned>(status));
}

void say_spawned(short flags) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  const sigset_t only = only_sigpipe();
  posix_spawnattr_setsigdefault(&attributes, &only);
  posix_spawnattr_setsigmask(&attributes, &only);
  posix_spawnattr_setflags(&attributes, flags);
  pid_t child;
  fflush(stdout);
  if (posix_spawnp(&child, "env", nullptr, &attributes, report(), environ) != 0) abort();
  wait_for(child);
}

}  // namespace

SCENE(status_in_each_state) { in_each_state(say_status); }
SCENE(inherited_by_fork) {
  in_each_state([] {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      say_status();
      say_disposition("child");
      fflush(stdout);
      _exit(0);
    }
    wait_for(child);
  });
}
SCENE(inherited_by_exec) {
  in_each_state([] {
    fflush(stdout);
    for (const bool by_vfork : {false, true}) {
      const pid_t child = by_vfork ? vfork() : fork();
      if (child == 0) {
        execvp("env", report());
        _exit(1);
      }
      wait_for(child);
      fflush(stdout);
    }
  });
}
SCENE(inherited_by_exec_of_itself) {
  block_sigpipe(SIG_BLOCK);
  kill(getpid(), SIGPIPE);
  raise(SIGPIPE);
  handle(count);
  execvp("env", report());
}
SCENE(inherited_by_exec_of_itself_ignored) {
  block_sigpipe(SIG_BLOCK);
  handle(SIG_IGN);
  write(dead_socket(), byte, 1);
  kill(getpid(), SIGPIPE);
  execvp("env", report());
}
SCENE(inherited_by_spawn) {
  in_each_state([] {
    for (const int flags :
         {0, POSIX_SPAWN_SETSIGDEF, POSIX_SPAWN_SETSIGMASK, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK})
      say_spawned(static_cast<short>(flags));
  });
}

// Somebody else ends a child of vfork as it sleeps.
SCENE(killed_child_of_vfork) {
  auto& child = to_be_killed_asleep(SIGPIPE);
  const pid_t made = vfork();
  if (made == 0) {
    child = getpid();
    pause();
    _exit(1);
  }
  wait_for(made);
  wait_for(-1);
  say_disposition("parent");
}

// What a thread is shown that does not block what it waits for: POSIX leaves that open. Somebody else sends it.
namespace {

void kill_asleep(void (*sleep)()) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    sleep();
    _exit(0);
  }
  wait_asleep(child, child);
  kill(child, SIGPIPE);
  int status = 0;
  waitpid(child, &status, 0);
  say_ending(status);
}

}  // namespace

SCENE(waits_for_what_it_does_not_block) {
  kill_asleep([] {
    const sigset_t only = only_sigpipe();
    siginfo_t info{};
    _exit(sigwaitinfo(&only, &info));
  });
  kill_asleep([] {
    const sigset_t only = only_sigpipe();
    int signal = 0;
    sigwait(&only, &signal);
    _exit(signal);
  });
  kill_asleep([] {
    const sigset_t only = only_sigpipe();
    const int fd = signalfd(-1, &only, 0);
    signalfd_siginfo info{};
    read(fd, &info, sizeof info);
    _exit(static_cast<int>(info.ssi_signo));
  });
}

// A process is sent it while it waits for its child of vfork, which says whether that is its end at once: nothing else
// than a SIGKILL of the kernel's wakes it.
namespace {

bool ends_at_once(pid_t parent) {
  const auto process = std::to_string(parent);
  for (;; sched_yield()) {
    const bool sleeps = state_of(parent, parent) == 'D';
    const bool waits = is_in("ShdPnd", SIGPIPE, process);
    if (is_in("SigPnd", SIGKILL, process) || getppid() != parent) return true;
    if (sleeps && waits) return false;
  }
}

}  // namespace

SCENE(sent_to_parent_in_vfork) {
  int says[2];
  must(pipe(says), "pipe");
  const pid_t parent = fork();
  if (parent == 0) {
    const pid_t self = getpid();
    const int out = says[1];
    if (vfork() == 0) {
      kill(self, SIGPIPE);
      const char ends = ends_at_once(self) ? 'y' : 'n';
      write(out, &ends, 1);
      _exit(0);
    }
    pause();
    _exit(0);
  }
  char ends;
  must(read(says[0], &ends, 1), "read");
  int status = 0;
  waitpid(parent, &status, 0);
  printf("ends at once: %c\nkilled by %d\n", ends, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}
