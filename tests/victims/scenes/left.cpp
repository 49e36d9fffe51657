// Scenes of calls that never return: left by siglongjmp, by a coroutine, by cancellation, by the end of a vfork child.
// What follows is a write that no hook sees, whose third argument is the number of the fd that the call was about.
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "scenes.h"

namespace {

constexpr int kFd = 5;

// A pipe that is read from, but not now: whoever writes to kFd sleeps. Returns the end to read from.
int full_pipe_at_5() {
  int ends[2];
  if (pipe(ends) != 0) abort();
  const int reader = fcntl(ends[0], F_DUPFD, 10);
  close(ends[0]);
  if (ends[1] != kFd) dup2(ends[1], kFd), close(ends[1]);
  fcntl(kFd, F_SETFL, O_NONBLOCK);
  static char page[4096];
  while (write(kFd, page, sizeof page) > 0) {
  }
  fcntl(kFd, F_SETFL, 0);
  return reader;
}

int high(int fd) { return fcntl(fd, F_DUPFD, 20); }

void write_five_bytes_unseen() {
  const long result = syscall(SYS_write, high(dead_socket()), "hello", kFd);
  printf("syscall: %ld %s\n", result, strerror(errno));
}

sigjmp_buf back;

void leave_by_siglongjmp(const Verb& verb) {
  full_pipe_at_5();
  signal(SIGALRM, [](int) { siglongjmp(back, 1); });
  if (sigsetjmp(back, 1) == 0) {
    alarm_in(20'000);
    verb.call(kFd);
    abort();
  }
  write_five_bytes_unseen();
  every_verb("afterwards");
}

// A handler of SIGPIPE itself that never returns, and then none.
void leave_by_own_handler(const Verb& verb) {
  static std::atomic<int> calls, round;
  calls = 0;
  signal(SIGPIPE, [](int) {
    ++calls;
    siglongjmp(back, 1);
  });
  dup2(dead_socket(), kFd);
  for (round = 0; round < 3; ++round)
    if (sigsetjmp(back, 1) == 0) verb.call(kFd);
  printf("%s: called %d times, SIGPIPE %s\n", verb.name, calls.load(), blocked() ? "blocked" : "not blocked");
}

ucontext_t main_context, other_context;
int reader_of_5;

// The handler of a signal that comes in the midst of a call goes over to a coroutine, which comes back to it.
void switch_inside(const Verb& verb, void (*coroutine)()) {
  static char stack[1 << 18];
  reader_of_5 = full_pipe_at_5();
  getcontext(&other_context);
  other_context.uc_stack.ss_sp = stack;
  other_context.uc_stack.ss_size = sizeof stack;
  other_context.uc_link = &main_context;
  makecontext(&other_context, coroutine, 0);
  struct sigaction act {};
  act.sa_handler = [](int) { swapcontext(&main_context, &other_context); };
  act.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &act, nullptr);
  alarm_in(20'000);
  const ssize_t result = verb.call(kFd);
  printf("%s: %zd, SIGPIPE %s\n", verb.name, result, blocked() ? "blocked" : "not blocked");
  every_verb("afterwards");
}

void make_room() {
  static char page[65536];
  if (read(reader_of_5, page, sizeof page) <= 0) abort();
}

void coroutine() {
  write_five_bytes_unseen();
  every_verb("coroutine");
  make_room();
}

// Takes charge of SIGPIPE for itself.
void coroutine_that_blocks() {
  block_sigpipe(SIG_BLOCK);
  const sigset_t set = only_sigpipe();
  const timespec at_once{};
  for (const auto& verb : verbs()) {
    verb.call(dead_socket());
    printf("%s: pending %d\n", verb.name, sigtimedwait(&set, nullptr, &at_once) == SIGPIPE);
  }
  block_sigpipe(SIG_UNBLOCK);
  make_room();
}

// Somebody else ends the child as it sleeps in the call.
void leave_by_vfork_child(const Verb& verb) {
  full_pipe_at_5();
  auto& child = to_be_killed_asleep(SIGKILL);
  if (vfork() == 0) {
    child = getpid();
    verb.call(kFd);
    _exit(1);
  }
  while (wait(nullptr) > 0) {
  }
  write_five_bytes_unseen();
  every_verb("afterwards");
}

// The cleanup handler writes.
void leave_by_cancellation(const Verb& verb) {
  full_pipe_at_5();
  static const Verb* call;
  static std::atomic<pid_t> tid;
  call = &verb;
  pthread_t thread;
  pthread_create(
      &thread, nullptr,
      [](void*) -> void* {
        pthread_cleanup_push([](void*) { write_five_bytes_unseen(); }, nullptr);
        tid = static_cast<pid_t>(syscall(SYS_gettid));
        call->call(kFd);
        pthread_cleanup_pop(0);
        return nullptr;
      },
      nullptr);
  while (tid == 0) sched_yield();
  wait_asleep(getpid(), tid);
  pthread_cancel(thread);
  pthread_join(thread, nullptr);
  every_verb("afterwards");
}

}  // namespace

SCENE(left_by_siglongjmp_write) { leave_by_siglongjmp(verb_named("write")); }
SCENE(left_by_siglongjmp_writev) { leave_by_siglongjmp(verb_named("writev")); }
SCENE(left_by_siglongjmp_sendfile) { leave_by_siglongjmp(verb_named("sendfile")); }
SCENE(left_by_siglongjmp_splice) { leave_by_siglongjmp(verb_named("splice")); }

SCENE(left_by_own_handler) {
  for (const auto& verb : verbs()) leave_by_own_handler(verb);
}
SCENE(left_by_own_handler_then_default) {
  for (const auto& verb : verbs()) {
    leave_by_own_handler(verb);
    signal(SIGPIPE, SIG_DFL);
    write_five_bytes_unseen();
    every_verb("afterwards");
  }
}

SCENE(left_by_coroutine_write) { switch_inside(verb_named("write"), coroutine); }
SCENE(left_by_coroutine_writev) { switch_inside(verb_named("writev"), coroutine); }
SCENE(left_by_coroutine_splice) { switch_inside(verb_named("splice"), coroutine); }
SCENE(left_by_coroutine_that_blocks) { switch_inside(verb_named("writev"), coroutine_that_blocks); }

SCENE(left_by_vfork_child_write) { leave_by_vfork_child(verb_named("write")); }
SCENE(left_by_vfork_child_writev) { leave_by_vfork_child(verb_named("writev")); }

SCENE(left_by_cancellation_write) { leave_by_cancellation(verb_named("write")); }
SCENE(left_by_cancellation_writev) { leave_by_cancellation(verb_named("writev")); }
SCENE(left_by_cancellation_splice) { leave_by_cancellation(verb_named("splice")); }
