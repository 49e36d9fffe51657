#include "attach/start.h"

#include "attach/refusal.h"
#ifdef __x86_64__
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "attach/permission.h"
#include "attach/put_in.h"
#include "doctor/elf_headers.h"
#include "doctor/proc_file.h"
#include "tools/display.h"
#include "tools/fd.h"

namespace attach {
namespace {

constexpr int kMostExecs = 8;  // a script, env and nice, one after the other; as the doctor follows them

void say(const std::string& line) { std::cerr << "nosigpipe: " + tools::printable(line) + "\n" << std::flush; }

std::string directory_of(pid_t pid) { return "/proc/" + std::to_string(pid) + "/"; }

void must_trace(__ptrace_request request, pid_t pid, long data) {
  if (ptrace(request, pid, nullptr, data) != 0) throw Lost(std::strerror(errno));
}

// The end of the exec, where the registers are the program's own: at the event itself the kernel has yet to write one.
void wait_for_exec(pid_t pid) {
  bool is_there = false;
  for (int execs = 0;;) {
    int status = 0;
    if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status)) _exit(0);
    const int event = status >> 16, signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_STOP && signal == SIGTRAP && is_there) return;
    if (event == PTRACE_EVENT_EXEC) {
      const auto elf = doctor::read_headers_of(directory_of(pid) + "exe");
      is_there = elf && elf->is_static() && !elf->is_of_go();
      if (is_there) must_trace(PTRACE_INTERRUPT, pid, 0);
      if (!is_there && ++execs == kMostExecs) throw Refusal("what it runs is not linked statically");
    }
    if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
      must_trace(PTRACE_LISTEN, pid, 0);
    else
      must_trace(PTRACE_CONT, pid, event == 0 ? signal : 0);
  }
}

// It has not begun, so it can end as if it had not been run.
[[noreturn]] void end_unrun(const Target& target, pid_t pid) {
  try {
    constexpr int kFailed = 125;
    Remote(target, pid).run({system_call(SYS_exit_group, kFailed)});
  } catch (const std::exception&) {  // it has ended
  }
  _exit(0);
}

void arm_traced(pid_t pid) {
  wait_for_exec(pid);
  const Target target(pid);
  const auto who = target.name() + " (" + std::to_string(pid) + ") is linked statically: ";
  try {
    Remote remote(target, pid);
    put_handler_in(target, remote);
    say(who +
        "armed at its start, without a log, and only until it sets SIGPIPE itself; of what it executes only what "
        "LD_PRELOAD reaches is safe");
  } catch (const Unneeded& unneeded) {
    say(who + unneeded.what());
  } catch (const Refusal& refusal) {
    say(who + "it cannot be armed: " + refusal.what() + " (--fallback=ignore or --fallback=run run it all the same)");
    end_unrun(target, pid);
  }
}

// A filter that we have, too, since the program inherits it, may kill for what is to be done there: so we do it first.
void try_calls() {
  constexpr std::size_t kSize = 4096;
  void* page = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED || mprotect(page, kSize, PROT_READ | PROT_EXEC) != 0)
    throw Refusal(std::string("no code can be put into a process here: ") + std::strerror(errno));
  munmap(page, kSize);
  struct sigaction now {};
  sigaction(SIGPIPE, nullptr, &now);
  sigaction(SIGPIPE, &now, nullptr);
  sigset_t set;
  sigpending(&set);
}

// What both say: the number of who traces, and then nothing or a reason.
void tell(int peer, const std::string& text) { send(peer, text.data(), text.size(), MSG_NOSIGNAL | MSG_EOR); }
std::string hear(int peer) {
  char text[512];
  const ssize_t size = recv(peer, text, sizeof text, 0);
  return {text, static_cast<std::size_t>(size > 0 ? size : 0)};
}
constexpr const char* kReady = "ready";

[[noreturn]] void trace(pid_t pid, int peer) {
  setsid();
  sigset_t child;  // which comes with each stop
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  signal(SIGCHLD, SIG_DFL);
  try {
    tell(peer, std::to_string(getpid()));
    hear(peer);
    try_calls();
    constexpr long kOptions = PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;
    if (ptrace(PTRACE_SEIZE, pid, nullptr, kOptions) != 0)
      throw Refusal(why_not_allowed(doctor::read_proc(directory_of(pid) + "status").value_or(""), errno));
  } catch (const std::exception& error) {
    tell(peer, error.what());
    _exit(0);
  }
  tell(peer, kReady);
  close(peer);
  try {
    arm_traced(pid);
  } catch (const std::exception& error) {
    say(std::string("it is not armed: ") + error.what());
  }
  _exit(0);
}

// Not our child: the program, which we become, has none that it has not started.
pid_t tracer_beside(int ours, int theirs) {
  const pid_t own = getpid();
  const pid_t between = fork();
  if (between < 0) throw Refusal(std::string("no process can be had: ") + std::strerror(errno));
  if (between == 0) {
    close(ours);
    if (fork() == 0) trace(own, theirs);
    _exit(0);
  }
  waitpid(between, nullptr, 0);
  return between;
}

std::vector<char*> words_of(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  return words;
}

}  // namespace

int start(const std::vector<std::string>& command) {
  struct sigaction now {};
  sigaction(SIGPIPE, nullptr, &now);
  if (now.sa_handler == SIG_IGN) {
    say(command[0] + " finds SIGPIPE ignored, and needs nothing");
  } else if (getpid() == 1) {
    say(command[0] +
        " is the first process of its PID namespace, which SIGPIPE does not kill; what it forks is not armed");
  } else {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) throw Refusal(std::strerror(errno));
    const tools::Fd ours(ends[0]);
    tools::Fd theirs(ends[1]);
    tracer_beside(ours.get(), theirs.get());
    theirs = tools::Fd();
    const auto number = doctor::number_of(hear(ours.get()));
    prctl(PR_SET_PTRACER, number, 0, 0, 0);
    tell(ours.get(), kReady);
    const auto said = hear(ours.get());
    if (said != kReady)
      throw Refusal(said.empty() ? "a seccomp filter kills for what has to be done: use --fallback=ignore" : said);
  }
  execvp(command[0].c_str(), words_of(command).data());
  const int error = errno;
  constexpr int kNotFound = 127, kNotRun = 126;
  say(command[0] + ": " + std::strerror(error));
  return error == ENOENT ? kNotFound : kNotRun;
}

}  // namespace attach
#else

namespace attach {

int start(const std::vector<std::string>&) { throw Refusal("only programs of x86-64 can be reached"); }

}  // namespace attach
#endif
