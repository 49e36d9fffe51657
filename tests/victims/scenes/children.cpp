// Scenes of processes and their children: fork, vfork, exec, and what libc starts.
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "scenes.h"

namespace {

// What an exec'd program finds: the kernel's own words, read by a program without the shim.
void exec_report() {
  execlp("env", "env", "-u", "LD_PRELOAD", "grep", "-E", "^Sig(Pnd|Blk|Ign|Cgt)", "/proc/self/status", nullptr);
}

}  // namespace

SCENE(exec_default) { exec_report(); }
SCENE(exec_ignored) {
  signal(SIGPIPE, SIG_IGN);
  exec_report();
}
SCENE(exec_handler) {
  signal(SIGPIPE, [](int) {});
  exec_report();
}
SCENE(exec_blocked) {
  block_sigpipe(SIG_BLOCK);
  exec_report();
}
SCENE(exec_after_epipe_blocked) {
  block_sigpipe(SIG_BLOCK);
  write(dead_socket(), byte, 1);
  exec_report();
}

SCENE(fork_child) {
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
SCENE(vfork_child) {
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

// Children of a process in which another thread is just being logged.
SCENE(fork_while_logging) {
  std::atomic<bool> done = false;
  std::thread writer([&] {
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
  writer.join();
  puts("alive");
}

SCENE(system_and_popen) {
  const int status = system("yes | head -n 1; kill -PIPE $$");
  printf("system: signal %d\n", WTERMSIG(status));
  FILE* shell = popen("kill -PIPE $$", "r");
  printf("popen: signal %d\n", WTERMSIG(pclose(shell)));
}

// In a child of fork, before that one has met any itself.
SCENE(vfork_child_sets_default_with_mask) {
  const pid_t child = vfork();
  if (child == 0) {
    signal(SIGPIPE, SIG_DFL);  // with SIGPIPE in its sa_mask
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  struct sigaction act {};
  sigaction(SIGPIPE, nullptr, &act);
  printf("our default blocks it: %d\n", sigismember(&act.sa_mask, SIGPIPE));
}

SCENE(vfork_child_writes_first) {
  if (const pid_t child = fork(); child != 0) {
    waitpid(child, nullptr, 0);
    return;
  }
  const int fd = dead_socket();
  const pid_t child = vfork();
  if (child == 0) {
    send(fd, byte, 1, 0);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  for (int i = 0; i < 200; ++i) send(fd, byte, 1, 0);
}
