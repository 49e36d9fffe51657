// Scenes in which SIGPIPE is meant: a pipe without a reader, and signals that somebody sends.
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

#include "scenes.h"

namespace {

int handled = 0;
pid_t sender = 0;
void record(int, siginfo_t* info, void*) {
  ++handled;
  if (info->si_pid != getpid()) sender = info->si_pid;  // the write's own comes before or after
  errno = ENOTTY;  // of no effect on the call that it interrupts: libc sets errno afterwards
}

// Somebody else sends SIGPIPE while this thread sleeps in a call, and then the peer leaves.
void kill_meanwhile(const Verb& verb) {
  int peer;
  const int fd = full_socket(&peer);
  const pid_t self = getpid();
  const auto tid = static_cast<pid_t>(syscall(SYS_gettid));
  const pid_t child = fork();
  if (child == 0) {
    wait_asleep(self, tid);
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

}  // namespace

SCENE(kill_meanwhile_default) { kill_meanwhile(verb_named("writev")); }
SCENE(kill_meanwhile_default_splice) { kill_meanwhile(verb_named("splice")); }
SCENE(kill_meanwhile_handled) {
  struct sigaction act {};
  act.sa_sigaction = record;
  act.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGPIPE, &act, nullptr);
  kill_meanwhile(verb_named("writev"));
  kill_meanwhile(verb_named("splice"));
}

// kill of the own pid, while a thread whose sends can raise nothing is busy with a dead socket.
SCENE(kill_beside_quiet_sends) {
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

SCENE(raise_still_kills) { raise(SIGPIPE); }
SCENE(kill_still_kills) {
  kill(getpid(), SIGPIPE);
  pause();
}
SCENE(pthread_kill_still_kills) {
  std::thread([] { pthread_kill(pthread_self(), SIGPIPE); }).join();
}

SCENE(pipe_still_kills) { write(dead_pipe(), byte, 1); }
SCENE(pipe_stdio_still_kills) { dprintf(dead_pipe(), "x"); }
SCENE(pipe_splice_still_kills) { splice(full_pipe_of_one(), nullptr, dead_pipe(), nullptr, 1, 0); }

// The pipe is dead, the socket whose number stands in the first register is, too, but it was only read from.
SCENE(splice_from_dead_socket_to_dead_pipe_still_kills) {
  const Pair sockets = unix_pair();
  send(sockets.theirs, byte, 1, 0);
  close(sockets.theirs);
  splice(sockets.ours, nullptr, dead_pipe(), nullptr, 1, 0);
}
