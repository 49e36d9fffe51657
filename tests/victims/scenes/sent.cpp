// Scenes of each way in which SIGPIPE is sent: by a program, by its libc, by the kernel. What the handler is told of
// it, what is found pending, and how a parent sees the death.
#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "scenes.h"

namespace {

pid_t tid() { return static_cast<pid_t>(syscall(SYS_gettid)); }

pid_t last_child = 0;
void by_child(void (*send)(pid_t parent)) {
  const pid_t parent = getpid();
  last_child = fork();
  if (last_child == 0) {
    send(parent);
    _exit(0);
  }
  while (waitpid(last_child, nullptr, 0) == -1 && errno == EINTR) {
  }
}

sigevent notified_by_sigpipe(int value) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGPIPE;
  event.sigev_value.sival_int = value;
  return event;
}

void start_timer(sigevent event) {
  timer_t timer;
  must(timer_create(CLOCK_MONOTONIC, &event, &timer), "timer_create");
  const itimerspec soon{{0, 0}, {0, 1}};
  must(timer_settime(timer, 0, &soon, nullptr), "timer_settime");
}

void by_message_queue() {
  const mqd_t queue = queue_of_one();
  const sigevent event = notified_by_sigpipe(11);
  must(mq_notify(queue, &event), "mq_notify");
  must(mq_send(queue, byte, 1, 0), "mq_send");
  mq_close(queue);
}

void by_aio() {
  static aiocb block;
  block = {};
  block.aio_fildes = file();
  block.aio_buf = byte;
  block.aio_nbytes = 1;
  block.aio_sigevent = notified_by_sigpipe(12);
  must(aio_write(&block), "aio_write");
}

void by_descriptor() {
  const Pair pair = unix_pair();
  must(fcntl(pair.ours, F_SETOWN, getpid()), "F_SETOWN");
  must(fcntl(pair.ours, F_SETSIG, SIGPIPE), "F_SETSIG");
  must(fcntl(pair.ours, F_SETFL, O_ASYNC), "O_ASYNC");
  must(send(pair.theirs, byte, 1, MSG_NOSIGNAL), "send");
  must(fcntl(pair.ours, F_SETFL, 0), "no O_ASYNC");
}

struct Way {
  const char* name;
  void (*send)();
};

const Way kWays[] = {
    {"raise", [] { raise(SIGPIPE); }},
    {"kill", [] { kill(getpid(), SIGPIPE); }},
    {"kill of the group", [] { kill(0, SIGPIPE); }},
    {"killpg", [] { killpg(getpgrp(), SIGPIPE); }},
    {"tgkill", [] { syscall(SYS_tgkill, getpid(), tid(), SIGPIPE); }},
    {"tkill", [] { syscall(SYS_tkill, tid(), SIGPIPE); }},
    {"pthread_kill", [] { pthread_kill(pthread_self(), SIGPIPE); }},
    {"sigqueue", [] { sigqueue(getpid(), SIGPIPE, sigval{7}); }},
    {"pthread_sigqueue", [] { pthread_sigqueue(pthread_self(), SIGPIPE, sigval{8}); }},
    {"kill by a thread", [] { std::thread([] { block_sigpipe(SIG_BLOCK), kill(getpid(), SIGPIPE); }).join(); }},
    {"kill by a child", [] { by_child([](pid_t parent) { kill(parent, SIGPIPE); }); }},
    {"tgkill by a child", [] { by_child([](pid_t parent) { syscall(SYS_tgkill, parent, parent, SIGPIPE); }); }},
    {"sigqueue by a child", [] { by_child([](pid_t parent) { sigqueue(parent, SIGPIPE, sigval{9}); }); }},
    {"a timer", [] { start_timer(notified_by_sigpipe(10)); }},
    {"a timer for a thread",
     [] {
       sigevent event = notified_by_sigpipe(10);
       event.sigev_notify = SIGEV_THREAD_ID;
       event._sigev_un._tid = tid();
       start_timer(event);
     }},
    {"mq_notify", by_message_queue},
    {"aio_write", by_aio},
    {"F_SETSIG", by_descriptor},
};

siginfo_t seen;
std::atomic<int> calls = 0;
void record(int signal, siginfo_t* info, void*) {
  if (signal == SIGPIPE) seen = *info;
  ++calls;
}

void handle(unsigned flags = 0) {
  struct sigaction act {};
  act.sa_sigaction = record;
  act.sa_flags = static_cast<int>(SA_SIGINFO | flags);
  sigaction(SIGPIPE, &act, nullptr);
}

// All that this kind of siginfo has.
void say(const siginfo_t& info) {
  printf("signal %d, error %d, code %d", info.si_signo, info.si_errno, info.si_code);
  switch (info.si_code) {
    case SI_TIMER:
      printf(", overrun %d, value %d\n", info.si_overrun, info.si_value.sival_int);
      return;
    case POLL_IN:
      printf(", events %lx\n", static_cast<unsigned long>(info.si_band));
      return;
    case SI_QUEUE:
    case SI_MESGQ:
    case SI_ASYNCIO:
      printf(", value %d", info.si_value.sival_int);
  }
  const char* const sender = info.si_pid == getpid() ? "self" : info.si_pid == last_child ? "the child" : "?";
  printf(", by %s of %s\n", sender, info.si_uid == getuid() ? "the same user" : "another user");
}

void say_end(pid_t child, const char* name) {
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == -1 && errno == EINTR) {
  }
  printf("%s: waitid code %d, status %d, the child %d; ", name, info.si_code, info.si_status, info.si_pid == child);
  int status = 0;
  while (waitpid(child, &status, 0) == -1 && errno == EINTR) {
  }
  printf("signaled %d, by %d, core %d\n", WIFSIGNALED(status), WTERMSIG(status), WCOREDUMP(status));
}

}  // namespace

SCENE(sent_to_handler) {
  setpgid(0, 0);
  handle();
  for (const auto& way : kWays) {
    calls = 0;
    way.send();
    while (calls == 0) sched_yield();
    printf("%s: ", way.name);
    say(seen);
  }
}

// Each to itself, since it dies of it; its parent is told so by SIGCHLD, and asks.
SCENE(sent_to_default) {
  const rlimit any{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_CORE, &any);
  static siginfo_t told;
  struct sigaction act {};
  act.sa_sigaction = [](int, siginfo_t* info, void*) { told = *info; };
  act.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGCHLD, &act, nullptr);
  for (const auto& way : kWays) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      signal(SIGCHLD, SIG_DFL);
      setpgid(0, 0);
      way.send();
      for (;;) pause();
    }
    say_end(child, way.name);
    printf("  SIGCHLD code %d, status %d, the child %d\n", told.si_code, told.si_status, told.si_pid == child);
  }
}

SCENE(sent_to_ignored) {
  setpgid(0, 0);
  signal(SIGPIPE, SIG_IGN);
  for (const auto& way : kWays) way.send();
  puts("alive");
}

SCENE(sent_to_blocked) {
  setpgid(0, 0);
  block_sigpipe(SIG_BLOCK);
  const sigset_t only = only_sigpipe();
  for (const auto& way : kWays) {
    way.send();
    while (!pending()) sched_yield();
    printf("%s: pending for the thread %d, for the process %d; ", way.name, is_in("SigPnd", SIGPIPE, "thread-self"),
           is_in("ShdPnd", SIGPIPE, "thread-self"));
    siginfo_t info{};
    sigwaitinfo(&only, &info);
    say(info);
    if (pending()) puts("  and one more");
  }
}

// Queued signals have no room, as SIGPIPE has.
SCENE(sent_without_room_in_the_queue) {
  const rlimit none{0, 0};
  must(setrlimit(RLIMIT_SIGPENDING, &none), "RLIMIT_SIGPENDING");
  block_sigpipe(SIG_BLOCK);
  const sigset_t only = only_sigpipe();
  for (const auto* verb : {"write", "send", "writev"}) {
    verb_named(verb).call(dead_socket());
    siginfo_t info{};
    if (pending()) sigwaitinfo(&only, &info);
    printf("%s: ", verb);
    say(info);
  }
  for (const auto* name : {"kill", "raise", "sigqueue", "sigqueue by a child", "pthread_sigqueue"})
    for (const auto& way : kWays) {
      if (strcmp(way.name, name) != 0) continue;
      way.send();
      siginfo_t info{};
      if (pending()) sigwaitinfo(&only, &info);
      printf("%s: ", name);
      say(info);
    }
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    sigqueue(getpid(), SIGPIPE, sigval{1});
    block_sigpipe(SIG_UNBLOCK);
    _exit(0);
  }
  say_end(child, "unblocked");
}

// By the kernel, as the parent ends.
static void outlives_its_parent(bool is_handled) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int says[2];
  must(pipe(says), "pipe");
  const pid_t parent = fork();
  if (parent == 0) {
    const pid_t child = fork();
    if (child == 0) {
      if (is_handled) handle();
      prctl(PR_SET_PDEATHSIG, SIGPIPE);
      const pid_t self = getpid(), before = getppid();
      write(says[1], &self, sizeof self);
      while (calls == 0) pause();
      printf("signal %d, code %d, by the parent %d\n", seen.si_signo, seen.si_code, seen.si_pid == before);
      fflush(stdout);
      _exit(0);
    }
    pid_t grandchild;
    read(says[0], &grandchild, sizeof grandchild);
    write(says[1], &grandchild, sizeof grandchild);
    wait_asleep(grandchild, grandchild);
    _exit(0);
  }
  waitpid(parent, nullptr, 0);
  pid_t child = 0;
  read(says[0], &child, sizeof child);
  int status = 0;
  waitpid(child, &status, 0);
  printf("signaled %d, by %d\n", WIFSIGNALED(status), WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}
SCENE(sent_as_the_parent_ends_to_default) { outlives_its_parent(false); }
SCENE(sent_as_the_parent_ends_to_handler) { outlives_its_parent(true); }

// To a process of several threads: whoever does not block it takes it; where all do, whoever waits for it.
SCENE(sent_to_the_thread_that_lets_it_in) {
  static std::atomic<pid_t> taken_by = 0;
  signal(SIGPIPE, [](int) { taken_by = tid(); });
  block_sigpipe(SIG_BLOCK);
  std::atomic<pid_t> other = 0;
  std::atomic<bool> done = false;
  std::thread open([&] {
    block_sigpipe(SIG_UNBLOCK);
    other = tid();
    while (!done) sched_yield();
  });
  while (other == 0) sched_yield();
  for (int i = 0; i < 100; ++i) {
    taken_by = 0;
    kill(getpid(), SIGPIPE);
    while (taken_by == 0) sched_yield();
    if (taken_by != other) puts("taken by who blocks it");
  }
  pthread_kill(pthread_self(), SIGPIPE);
  printf("for this thread alone: pending %d\n", pending());
  const sigset_t only = only_sigpipe();
  sigwaitinfo(&only, nullptr);
  done = true;
  open.join();
  other = 0;
  std::atomic<int> waited = 0;
  std::thread waits([&] {
    other = tid();
    waited = sigwaitinfo(&only, nullptr);
  });
  while (other == 0) sched_yield();
  wait_asleep(getpid(), other);
  kill(getpid(), SIGPIPE);
  waits.join();
  printf("who waits has it: %d\n", waited.load());
}

// While it is stopped it takes none but SIGKILL and SIGCONT.
static void sent_while_stopped(void (*prepare)(), const char* name) {
  int says[2];
  must(pipe(says), "pipe");
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    prepare();
    signal(SIGUSR1, [](int) {});
    write(says[1], byte, 1);
    pause();
    printf("  called %d, pending %d\n", calls.load(), pending());
    fflush(stdout);
    _exit(0);
  }
  char ready;
  read(says[0], &ready, 1);
  wait_asleep(child, child);
  kill(child, SIGSTOP);
  int status = 0;
  waitpid(child, &status, WUNTRACED);
  printf("%s: stopped %d\n", name, WIFSTOPPED(status));
  fflush(stdout);
  kill(child, SIGPIPE);
  kill(child, SIGUSR1);
  printf("  ended while stopped %d\n", waitpid(child, &status, WNOHANG) != 0);
  fflush(stdout);
  kill(child, SIGCONT);
  say_end(child, "  ends");
}
SCENE(sent_while_stopped) {
  sent_while_stopped([] {}, "default");
  sent_while_stopped([] { signal(SIGPIPE, SIG_IGN); }, "ignored");
  sent_while_stopped([] { handle(); }, "handled");
  sent_while_stopped([] { handle(SA_RESETHAND); }, "handled once");
  sent_while_stopped([] { block_sigpipe(SIG_BLOCK); }, "blocked");
}
