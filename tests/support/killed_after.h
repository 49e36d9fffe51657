// A program killed in the middle of tracing another: after so many of its calls of ptrace(2).
#pragma once

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <vector>

#include "support/catch.h"
#include "support/strings.h"

struct Killed {
  bool is_killed;  // it has come so far
  int status;      // of the command, as waitpid(2) gives it
};

namespace killed {

inline void wait_for_stop(pid_t pid, int& status) { REQUIRE(waitpid(pid, &status, __WALL) == pid); }

// The child that this one forks next, traced and stopped; itself it goes on without us.
inline pid_t next_child(pid_t pid) {
  int status = 0;
  do {
    ptrace(PTRACE_CONT, pid, nullptr, 0);
    wait_for_stop(pid, status);
    REQUIRE(WIFSTOPPED(status));
  } while (status >> 16 != PTRACE_EVENT_FORK);
  unsigned long child = 0;
  REQUIRE(ptrace(PTRACE_GETEVENTMSG, pid, nullptr, &child) == 0);
  wait_for_stop(static_cast<pid_t>(child), status);
  ptrace(PTRACE_DETACH, pid, nullptr, 0);
  return static_cast<pid_t>(child);
}

}  // namespace killed

// Starts the command and kills, behind so many calls of ptrace(2), the process that is so many forks below it.
inline Killed killed_after(int calls, const Strings& command, int forks) {
  const pid_t root = fork();
  if (root == 0) {
    signal(SIGPIPE, SIG_DFL);
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    std::vector<char*> argv;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  killed::wait_for_stop(root, status);
  REQUIRE(ptrace(PTRACE_SETOPTIONS, root, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK) == 0);
  pid_t pid = root;
  for (int i = 0; i < forks; ++i) pid = killed::next_child(pid);
  bool is_entry = false, has_ended = false;
  for (int signal = 0; calls > 0 && !has_ended;) {
    ptrace(PTRACE_SYSCALL, pid, nullptr, signal);
    killed::wait_for_stop(pid, status);
    has_ended = !WIFSTOPPED(status);
    signal = !has_ended && WSTOPSIG(status) < 32 && WSTOPSIG(status) != SIGTRAP ? WSTOPSIG(status) : 0;
    if (has_ended || WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
    is_entry = !is_entry;
    user_regs_struct registers{};
    ptrace(PTRACE_GETREGS, pid, nullptr, &registers);
    if (!is_entry && registers.orig_rax == SYS_ptrace) --calls;
  }
  if (!has_ended) {
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
    }
  }
  if (pid != root) REQUIRE(waitpid(root, &status, 0) == root);
  return {!has_ended, status};
}
