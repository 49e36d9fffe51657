#include "support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <thread>

namespace {

Strings environment(const Start& start) {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (!text.starts_with("NOSIGPIPE_")) variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const auto& change : start.env) {
    const auto equals = change.find('=');
    if (equals == std::string::npos)
      variables.erase(change);
    else
      variables[change.substr(0, equals)] = change.substr(equals + 1);
  }
  if (start.shim) {
    auto& preload = variables["LD_PRELOAD"];
    preload += (preload.empty() ? "" : ":") + built(start.flavour + "libnosigpipe.so");
  }
  Strings list;
  for (const auto& [name, value] : variables) list.push_back(name + "=" + value);
  return list;
}

std::vector<char*> pointers(const Strings& strings) {
  std::vector<char*> list;
  for (const auto& string : strings) list.push_back(const_cast<char*>(string.c_str()));
  list.push_back(nullptr);
  return list;
}

// Threads of a program that write at once share the offset of a memfd, and nothing but O_APPEND keeps them apart.
int capture(const char* name) {
  const int fd = memfd_create(name, MFD_CLOEXEC);
  fcntl(fd, F_SETFL, O_APPEND);
  return fd;
}

std::string contents(int fd) {
  std::string text;
  char buffer[65536];
  off_t at = 0;
  for (ssize_t n; (n = pread(fd, buffer, sizeof buffer, at)) > 0; at += n) text.append(buffer, static_cast<size_t>(n));
  return text;
}

// The child's standard descriptors. A source below 3 could be overwritten by an earlier dup2, so all move up first.
void arrange(int in, int out, int err) {
  int fds[] = {in, out, err};
  for (int& fd : fds) fd = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  for (int i = 0; i < 3; ++i) dup2(fds[i], i);
  // What the tests were started with is not the program's: a pipe that nobody reads may be among it.
  constexpr long kCloseRange = 436;  // close_range(2), everywhere; and its flag: older headers have neither
  constexpr unsigned kCloseOnExec = 4;
  syscall(kCloseRange, 3, ~0U, kCloseOnExec);
}

}  // namespace

bool Ending::exited(int code) const { return !timed_out && WIFEXITED(status) && WEXITSTATUS(status) == code; }
bool Ending::killed_by(int signal) const { return !timed_out && WIFSIGNALED(status) && WTERMSIG(status) == signal; }

std::string Ending::text() const {
  if (timed_out) return "did not end in time";
  if (WIFEXITED(status)) return "exit status " + std::to_string(WEXITSTATUS(status));
  return "killed by signal " + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
}

Start with_shim(const Strings& variables, Start start) {
  start.shim = true;
  start.env = joined(start.env, variables);
  return start;
}

Start ignoring_sigpipe(Start start) {
  start.ignore_sigpipe = true;
  return start;
}

Process::Process(const Strings& argv, const Start& start) {
  const auto variables = environment(start);
  const auto env = pointers(variables);
  const auto args = pointers(argv);
  if (start.out < 0) out_ = capture("stdout");
  if (start.err < 0) err_ = capture("stderr");
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ > 0) {
    setpgid(pid_, pid_);
    return;
  }
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is itself killed leaves nobody
  ::signal(SIGPIPE, start.ignore_sigpipe ? SIG_IGN : SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  if (start.block_sigpipe) sigaddset(&set, SIGPIPE);
  sigprocmask(SIG_SETMASK, &set, nullptr);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  arrange(start.in < 0 ? null : start.in, start.out < 0 ? out_ : start.out, start.err < 0 ? err_ : start.err);
  if (!start.directory.empty() && chdir(start.directory.c_str()) != 0) _exit(124);
  execvpe(args[0], args.data(), env.data());
  dprintf(2, "cannot start %s: %s\n", args[0], strerror(errno));
  _exit(127);
}

bool Patience::is_over() const {
  const auto past = std::chrono::steady_clock::now() - begin_;
  double at_work = 1;
  if (past < limit_ || getloadavg(&at_work, 1) != 1) return past >= limit_;
  return past >= limit_ * std::max(1.0, at_work / std::thread::hardware_concurrency());
}

// Its number, and its group's, are nobody else's until it is reaped.
Process::~Process() {
  ::kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  if (out_ >= 0) close(out_);
  if (err_ >= 0) close(err_);
}

bool Process::running() {
  siginfo_t info{};
  return !has_ended_ && waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

void Process::signal(int number) const { ::kill(pid_, number); }

Ending Process::wait(std::chrono::milliseconds limit) {
  if (has_ended_) return ending_;
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  pollfd ended{handle, POLLIN, 0};
  const Patience patience(limit);
  do {
    ending_.timed_out = poll(&ended, 1, 100) == 0;
  } while (ending_.timed_out && !patience.is_over());
  close(handle);
  if (ending_.timed_out) ::kill(-pid_, SIGKILL);
  siginfo_t end{};
  waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOWAIT);
  ending_.status =
      end.si_code == CLD_EXITED ? end.si_status << 8 : end.si_status | (end.si_code == CLD_DUMPED ? 0x80 : 0);
  has_ended_ = true;
  if (out_ >= 0) ending_.out = contents(out_);
  if (err_ >= 0) ending_.err = contents(err_);
  return ending_;
}

Ending run(const Strings& argv, const Start& start, std::chrono::milliseconds limit) {
  return Process(argv, start).wait(limit);
}

std::string output_of(const Strings& argv, const Start& start) {
  const Ending ending = run(argv, start, std::chrono::seconds(250));
  if (!ending.exited(0)) throw std::runtime_error(argv[0] + ": " + ending.text() + "\n" + ending.out + ending.err);
  return ending.out;
}

std::string built(const std::string& name) {
  static const auto build = [] {
    auto place = std::filesystem::read_symlink("/proc/self/exe");
    while (place.has_relative_path() && place.filename() != "tests") place = place.parent_path();
    return place.parent_path();
  }();
  return build / name;
}

void nap() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }
