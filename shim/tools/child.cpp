#include "tools/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace tools {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (const auto& string : strings) list.push_back(const_cast<char*>(string.c_str()));
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> environment() {
  const char* path = std::getenv("PATH");
  return {std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin"), "LC_ALL=C"};
}

// It reads what somebody else has written, so it gets no more than it can need: 4 GiB, and no files.
void set_limits(pid_t pid) {
  const auto limit = [pid](int what, rlim_t value) {
    const rlimit both{value, value};
    prlimit(pid, static_cast<__rlimit_resource>(what), &both, nullptr);
  };
  limit(RLIMIT_AS, rlim_t{4} << 30);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_CORE, 0);
}

}  // namespace

Child::Child(const std::vector<std::string>& argv, int in, int extra) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  out_ = Fd(ends[0]);
  const Fd writer(ends[1]);
  // dup2 onto itself would leave it close-on-exec; the duplicates are above what they are put on.
  const Fd from_in(fcntl(in, F_DUPFD_CLOEXEC, 10));
  const Fd from_out(fcntl(writer.get(), F_DUPFD_CLOEXEC, 10));
  const Fd from_extra(extra < 0 ? -1 : fcntl(extra, F_DUPFD_CLOEXEC, 10));

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, from_in.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, from_out.get(), 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  if (extra >= 0) posix_spawn_file_actions_adddup2(&actions, from_extra.get(), 3);
  // A key press at the terminal is for us, and we may have blocked some signals.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);

  const auto variables = environment();
  const int error =
      posix_spawnp(&pid_, argv[0].c_str(), &actions, &attributes, pointers(argv).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    pid_ = -1;
  else
    set_limits(pid_);
}

Child::~Child() {
  if (pid_ <= 0) return;
  kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool Child::succeeded() {
  int status = 0;
  if (pid_ <= 0 || waitpid(pid_, &status, 0) != pid_) return false;
  pid_ = -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string Child::output(std::chrono::milliseconds limit, std::size_t most) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + limit;
  std::string text;
  while (text.size() < most) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd reader{out_.get(), POLLIN, 0};
    if (left <= 0 || poll(&reader, 1, static_cast<int>(left)) <= 0) break;
    char block[16384];
    const ssize_t size = read(out_.get(), block, sizeof block);
    if (size <= 0) break;
    text.append(block, static_cast<std::size_t>(size));
  }
  return text;
}

}  // namespace tools
