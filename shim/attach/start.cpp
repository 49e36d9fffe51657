#include "attach/start.h"

#include "attach/refusal.h"
#ifdef __x86_64__
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>
#include <optional>
#include <string_view>

#include "attach/mode.h"
#include "attach/permission.h"
#include "attach/put_in.h"
#include "doctor/elf_headers.h"
#include "doctor/in_force.h"
#include "doctor/proc_file.h"
#include "system/machine_file.h"
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

// Who executes what it is given, in this very process; the programs of many names among them.
bool execs_another(pid_t pid) {
  constexpr std::string_view kNames[] = {"env",     "nice",   "nohup",   "ionice", "taskset",  "chrt",
                                         "prlimit", "stdbuf", "busybox", "toybox", "coreutils"};
  return std::ranges::find(kNames, tools::base_name(doctor::link_of(directory_of(pid) + "exe"))) != std::end(kNames);
}

// Why it is not armed.
std::string reason_in(const std::optional<doctor::ElfHeaders>& elf) {
  if (elf && elf->is_of_go()) return "it is a program of Go, and needs nothing";
  return "it is not linked statically, and --start arms no other: start it by nosigpipe";
}

// To the end of an exec, where the registers are the program's own: at the event itself the kernel has yet to write
// one. Of a program that is linked statically; else of the first one that does not execute another, and why it is not
// armed.
std::string wait_for_exec(pid_t pid) {
  bool is_there = false;
  std::string reason;
  for (int execs = 0;;) {
    int status = 0;
    if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status)) _exit(0);
    const int event = status >> 16, signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_STOP && signal == SIGTRAP && is_there) return reason;
    if (event == PTRACE_EVENT_EXEC) {
      const auto elf = doctor::read_headers_of(directory_of(pid) + "exe");
      const bool is_static = elf && elf->is_static() && !elf->is_of_go();
      is_there = is_static || !execs_another(pid) || ++execs == kMostExecs;
      if (is_there && !is_static) reason = reason_in(elf);
      if (is_there) must_trace(PTRACE_INTERRUPT, pid, 0);
    }
    if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
      must_trace(PTRACE_LISTEN, pid, 0);
    else
      must_trace(PTRACE_CONT, pid, event == 0 ? signal : 0);
  }
}

// It has not begun, so it can end as if it had not been run.
void end_unrun(Remote& remote) {
  constexpr int kFailed = 125;
  try {
    remote.run({system_call(Call::exit_group, kFailed)});
  } catch (const Lost&) {  // it has ended
  }
}

// What is said is said while it is stopped: it may have ended before, and whoever waits for it with it.
void arm_stopped(const Target& target, Remote& remote, const std::string& who) {
  try {
    put_handler_in(target, remote);
    say(who +
        "armed at its start, without a log, and only until it sets SIGPIPE itself; of what it executes only what "
        "LD_PRELOAD reaches is safe");
  } catch (const Unneeded& unneeded) {
    say(who + unneeded.what());
  } catch (const Refusal& refusal) {
    say(who + "it cannot be armed: " + refusal.what() + " (--fallback=ignore or --fallback=run run it all the same)");
    end_unrun(remote);
  }
}

void arm_traced(pid_t pid) {
  const auto reason = wait_for_exec(pid);
  const Target target(pid);
  const auto who = target.name() + " (" + std::to_string(pid) + ")";
  if (!reason.empty()) say(who + " is not run: " + reason);
  const auto elf = doctor::read_headers_of(target.directory() + "exe");
  try {
    const auto machine = elf ? machine_of(*elf) : std::nullopt;
    if (!machine) throw Refusal("it is for another machine");
    Remote remote(target, *machine, pid);
    if (reason.empty())
      arm_stopped(target, remote, who + " is linked statically: ");
    else
      end_unrun(remote);
  } catch (const Refusal& refusal) {
    if (reason.empty()) say(who + " is killed: " + refusal.what());
    kill(pid, SIGKILL);
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
  const char* given = std::getenv("NOSIGPIPE_MODE");
  const auto mode =
      doctor::in_force("NOSIGPIPE_MODE", given == nullptr ? std::nullopt : std::optional<std::string>(given),
                       doctor::text_of(tools::open_to_read(machine_file::kPath, O_NONBLOCK | O_NOCTTY)));
  constexpr const char* kInstead = " (--fallback=run runs it all the same)";
  if (mode == "off") throw Refusal(command[0] + " is not run: " + kOff + kInstead);
  if (mode == "observe") throw Refusal(command[0] + " is not run: " + kObserve + kInstead);
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

int start(const std::vector<std::string>&) {
  throw Refusal("nosigpipe-attach reaches programs only where it is built for x86-64");
  ;
}

}  // namespace attach
#endif
