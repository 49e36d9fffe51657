// What a kernel makes of SIGPIPE, in as few words as there are: one disposition, for each thread a mask and what is
// pending, and a few descriptors. A signal is raised in one step and taken in another, as the thread returns from a
// call or goes on; what a system call does is one step (signal(7), kernel/signal.c).
#pragma once

#include <signal.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace model {

// What a signal is about: it stands in si_uid, which nobody changes.
enum Cause : unsigned { none, socket, pipe, sent };

enum class File { none, dead_socket, dead_pipe, file };

constexpr int kThreads = 4;
constexpr int kSocket = 5, kPipe = 6;

struct Thread {
  std::uint64_t mask = 0;
  std::optional<siginfo_t> pending;
  long number = 0, result = 0;  // of the call that it returns from
  int fd = 0;
  long long rcx = 0;  // where the call returns to, or what the handler has put there
  // What the program sets by the call that it is in, and what stood in its view before.
  std::optional<struct sigaction> sets;
  struct sigaction stood {};
  bool lives_on_pipe = false;  // since it began to write: the program has had another disposition than SIG_DFL
  Cause handles = none;
};

struct Process {
  struct sigaction action {};
  std::array<Thread, kThreads> threads;
  std::optional<siginfo_t> pending;  // of the process
  std::array<File, 8> files{};
  int pid = 1000;
  bool refuses_to_raise = false;  // a sandbox does
  bool resets = false;            // for a moment another disposition stands than the program has set

  struct sigaction view {};  // as the program's own calls have made it, in their order

  bool has_died = false;
  Cause died_of = none;
  bool is_doomed = false;  // a thread has put the deadly default in, and not over a socket
};
extern Process process;

// A process begins; its first thread is the one outside of all schedules.
void begin();

// write(2) by an instruction of the program: -1 and errno.
long write(int fd);

// kill(2) by this process: with its own pid, as another sends it with another.
void kill(int from);

// tgkill(2). False where one is pending there already: there is no room for two.
bool kill_thread(int thread);

int sigaction(int signal, const struct sigaction* act, struct sigaction* old);

}  // namespace model
