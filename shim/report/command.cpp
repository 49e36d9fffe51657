#include "report/command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "tools/fd.h"

namespace report {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

std::string launcher() {
  std::error_code error;
  const auto beside = fs::read_symlink("/proc/self/exe", error).replace_filename("nosigpipe").string();
  return !error && access(beside.c_str(), X_OK) == 0 ? beside : "nosigpipe";
}

// The shim takes %p and %e in the name of its log for something else.
std::string escaped(const std::string& name) {
  std::string text;
  for (const char c : name) text += c == '%' ? "%%" : std::string(1, c);
  return text;
}

// The key of a terminal, or its end, is a signal to all that run in its foreground: the command has it, too.
bool came_from_terminal(const siginfo_t& signal) { return signal.si_code == SI_KERNEL; }

}  // namespace

// A directory, since a child that goes on finds its log removed, and would make it anew.
PrivateLog::PrivateLog() : directory_(fs::absolute(fs::temp_directory_path() / "nosigpipe.XXXXXX")) {
  if (mkdtemp(directory_.data()) == nullptr) fail(directory_);
  name_ = directory_ + "/log";
  if (!tools::Fd(open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600))) fail(name_);
}

PrivateLog::~PrivateLog() {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

int run_command(const std::vector<std::string>& command, const std::string& log) {
  std::vector<std::string> words{launcher(), "--log=" + escaped(log), "--"};
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  // Whoever ignores SIGCHLD is told nothing of the end of its children.
  signal(SIGCHLD, SIG_DFL);
  sigset_t ours, before;
  sigemptyset(&ours);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD}) sigaddset(&ours, number);
  sigprocmask(SIG_BLOCK, &ours, &before);

  const pid_t pid = fork();
  if (pid < 0) fail("no process can be started");
  if (pid == 0) {
    sigprocmask(SIG_SETMASK, &before, nullptr);
    execvp(argv[0], argv.data());
    std::fprintf(stderr, "nosigpipe-report: %s: %s\n", argv[0], std::strerror(errno));
    _exit(125);
  }
  int status = 0;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    siginfo_t what{};
    const int number = sigwaitinfo(&ours, &what);
    if (number > 0 && number != SIGCHLD && !came_from_terminal(what)) kill(pid, number);
  }
  signal(SIGPIPE, SIG_IGN);  // nobody may read what is to be said now, and the status is the command's
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace report
