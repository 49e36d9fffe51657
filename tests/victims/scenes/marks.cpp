// Scenes that look at a SIGPIPE itself: at the siginfo of one that is pending or handled, and at which error comes
// first.
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "scenes.h"

namespace {

// What the kernel gives for a SIGPIPE that it has raised: the sender is the process itself, all else is zero.
bool is_as_the_kernels(const siginfo_t& info) {
  siginfo_t expected{};
  expected.si_signo = SIGPIPE;
  expected.si_code = SI_USER;
  expected.si_pid = getpid();
  expected.si_uid = getuid();
  return memcmp(&info, &expected, sizeof expected) == 0;
}

void say(const char* how, const Verb& verb, int result, const siginfo_t& info) {
  printf("%s after %s: %d, code %d, error %d, %s\n", how, verb.name, result, info.si_code, info.si_errno,
         is_as_the_kernels(info) ? "the kernel's" : "not the kernel's");
}

siginfo_t seen;
int calls;
void record(int, siginfo_t* info, void*) {
  seen = *info;
  ++calls;
}

void handle() {
  struct sigaction act {};
  act.sa_sigaction = record;
  act.sa_flags = SA_SIGINFO;
  sigaction(SIGPIPE, &act, nullptr);
}

}  // namespace

SCENE(siginfo_by_sigtimedwait) {
  block_sigpipe(SIG_BLOCK);
  const sigset_t set = only_sigpipe();
  const timespec at_once{};
  for (const auto& verb : verbs()) {
    verb.call(dead_socket());
    siginfo_t info{};
    say("sigtimedwait", verb, sigtimedwait(&set, &info, &at_once), info);
  }
}
SCENE(siginfo_by_sigwaitinfo) {
  block_sigpipe(SIG_BLOCK);
  const sigset_t set = only_sigpipe();
  for (const auto& verb : verbs()) {
    verb.call(dead_socket());
    siginfo_t info{};
    if (pending()) say("sigwaitinfo", verb, sigwaitinfo(&set, &info), info);
  }
}
SCENE(siginfo_in_handler) {
  handle();
  for (const auto& verb : verbs()) {
    verb.call(dead_socket());
    say("handler", verb, calls, seen);
  }
}
// Left pending first.
SCENE(siginfo_in_handler_when_unblocked) {
  handle();
  for (const auto& verb : verbs()) {
    block_sigpipe(SIG_BLOCK);
    verb.call(dead_socket());
    block_sigpipe(SIG_UNBLOCK);
    say("handler", verb, calls, seen);
  }
}
// The handler comes after the signal.
SCENE(siginfo_in_later_handler) {
  for (const auto& verb : verbs()) {
    block_sigpipe(SIG_BLOCK);
    verb.call(dead_socket());
    handle();
    block_sigpipe(SIG_UNBLOCK);
    say("handler", verb, calls, seen);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGPIPE, SIG_DFL);
  }
}

// A pipe's, behind a child that shared this thread's memory and died of one. Taken by a system call of its own, as what
// is executed meanwhile, or signalfd, would see it.
SCENE(siginfo_of_pipe_behind_child_of_vfork) {
  if (const pid_t child = vfork(); child == 0) {
    kill(getpid(), SIGPIPE);
    _exit(1);
  }
  int status = 0;
  wait(&status);
  block_sigpipe(SIG_BLOCK);
  const Verb& verb = verb_named("writev");
  verb.call(dead_pipe());
  siginfo_t info{};
  const sigset_t only = only_sigpipe();
  say("rt_sigtimedwait", verb, static_cast<int>(syscall(SYS_rt_sigtimedwait, &only, &info, nullptr, _NSIG / 8)), info);
  printf("the child: %d\n", WTERMSIG(status));
}

// Calls that can be asked for no signal.
SCENE(sends_while_blocked) {
  block_sigpipe(SIG_BLOCK);
  for (const auto* name : {"write", "send", "sendto", "sendmsg", "sendmmsg"}) verb_named(name).call(dead_socket());
  block_sigpipe(SIG_UNBLOCK);
  puts("alive");
}

SCENE(closed_fd_and_bad_pointer) {
  const int fd = file();
  const auto say_error = [&](const char* when, const void* pointer) {
    errno = 0;
    const ssize_t result = write(fd, pointer, 1);
    printf("%s: %zd %s\n", when, result, strerror(errno));
  };
  const auto* kernels = reinterpret_cast<const void*>(-4096L);
  say_error("never written to", kernels);
  say_error("never written to", reinterpret_cast<const void*>(1L));
  close(fd);
  say_error("closed", kernels);
  say_error("closed", reinterpret_cast<const void*>(1L));
  dup2(dead_socket(), fd);
  say_error("dead", kernels);
  write(fd, byte, 1);
  close(fd);
  say_error("closed again", kernels);
  say_error("closed again", reinterpret_cast<const void*>(1L));
  int ends[2];
  if (pipe(ends) != 0) return;
  dup2(ends[0], fd);
  say_error("a reading end", kernels);
  say_error("a reading end", reinterpret_cast<const void*>(1L));
}

// Corked, with segments so small that the kernel refuses the whole.
SCENE(refused_segments) {
  static char bytes[4000];
  const int in = must(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), "socket");
  const int out = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
  connect_to(out, bound_to_loopback(in));
  constexpr int kUdp = 17, kUdpSegment = 103, size = 10;
  must(setsockopt(out, kUdp, kUdpSegment, &size, sizeof size), "UDP_SEGMENT");
  send(out, bytes, 600, MSG_MORE);
  const ssize_t result = send(out, bytes, 1000, 0);
  printf("send: %zd %s\n", result, strerror(errno));
  const ssize_t arrived = recv(in, bytes, sizeof bytes, 0);
  printf("recv: %zd %s\n", arrived, strerror(errno));
}
