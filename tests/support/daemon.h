// Programs that leave who has started them: children of children, and those that go into the background.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/process.h"

inline std::vector<pid_t> children(pid_t parent) {
  std::vector<pid_t> list;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(parent) + "/task", gone)) {
    std::ifstream file(task.path() / "children");
    std::copy(std::istream_iterator<pid_t>(file), {}, std::back_inserter(list));
  }
  return list;
}

// A program that goes into the background and leaves its process group. We adopt it, and so get its wait status.
class Daemon {
 public:
  explicit Daemon(const Strings& argv, const Start& start = {}) : ours_(adopting()), launcher_(argv, start) {
    ours_.push_back(launcher_.pid());
    const Ending launched = launcher_.wait();
    if (!launched.exited(0)) throw std::runtime_error(argv[0] + ": " + launched.text() + "\n" + launched.err);
    if (!eventually([&] { return !adopted().empty(); }))
      throw std::runtime_error(argv[0] + " is not in the background");
    pid_ = adopted().front();
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon() {
    for (auto left = adopted(); !left.empty(); left = adopted()) {  // its children become ours when it is gone
      for (const pid_t pid : left) {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
      }
    }
  }

  pid_t pid() const { return pid_; }
  bool running() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
  }
  Ending wait(std::chrono::milliseconds limit = std::chrono::seconds(30)) const {
    Ending ending;
    ending.timed_out = !eventually([&] { return !running(); }, limit);
    if (!ending.timed_out) waitpid(pid_, &ending.status, 0);
    return ending;
  }

 private:
  static std::vector<pid_t> adopting() {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return children(getpid());
  }
  std::vector<pid_t> adopted() const {
    auto list = children(getpid());
    std::erase_if(list, [&](pid_t pid) { return std::find(ours_.begin(), ours_.end(), pid) != ours_.end(); });
    return list;
  }

  std::vector<pid_t> ours_;  // the children we had before
  Process launcher_;
  pid_t pid_ = -1;
};
