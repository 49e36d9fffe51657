// nosigpipe-attach: arms a process that is running, and takes it back.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>

#include "attach/arm.h"
#include "attach/options.h"
#include "attach/refusal.h"
#include "attach/start.h"
#include "attach/target.h"
#include "tools/display.h"

namespace attach {
namespace {

// Exit statuses.
enum : int { kDone, kNotDone, kUnknown, kRefused = 125 };

int complain(const std::string& what, int status) {
  std::cerr << "nosigpipe-attach: " << tools::printable(what) << "\n";
  return status;
}

// The status; 2 where nobody has the line.
int say(const std::string& what) {
  if (std::cout << what << std::flush) return kDone;
  const int error = errno;
  std::cout.clear();
  return complain(std::string("cannot write to standard output: ") + std::strerror(error), kUnknown);
}

// Beside this program where it is built, else where it is installed.
std::string own_library() {
  std::error_code error;
  const auto beside =
      std::filesystem::read_symlink("/proc/self/exe", error).replace_filename("libnosigpipe-attach.so").string();
  return !error && access(beside.c_str(), R_OK) == 0 ? beside : NOSIGPIPE_LIBDIR "/libnosigpipe-attach.so";
}

// A key at the terminal is not to stop us in the middle; and each stop of a thread is told by SIGCHLD.
void block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTSTP, SIGTTIN, SIGTTOU}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGCHLD, SIG_DFL);
}

std::string milliseconds(std::chrono::microseconds time) {
  const auto tenths = (time.count() + 99) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " ms";
}

int arm_or_disarm(const Options& options, int pid) {
  auto process = std::to_string(pid);
  try {
    const Target target(pid);
    process += " (" + target.name() + ")";
    const bool is_own = options.library.empty();
    const auto library = is_own ? own_library() : std::filesystem::absolute(options.library).string();
    const auto outcome = options.detach ? disarm(target) : arm(target, library, is_own, options.variables);
    auto said = process + ": " + outcome.answer;
    if (outcome.stopped_for.count() != 0) said += "; one thread stopped for " + milliseconds(outcome.stopped_for);
    if (!outcome.is_done) return complain(said, kNotDone);
    return say((options.detach ? "detached " : "armed ") + tools::printable(said) + "\n");
  } catch (const Refusal& refusal) {
    return complain(process + ": " + refusal.what(), kRefused);
  } catch (const Lost& lost) {
    return complain(process + ": " + lost.what(), kUnknown);
  }
}

// Of several each in a process of its own: whoever is left to what it was made to do is so only when its tracer has
// ended.
int arm_or_disarm_apart(const Options& options, int pid) {
  const pid_t parent = getpid(), child = options.pids.size() > 1 && pid != parent ? fork() : -1;
  if (child == -1) return arm_or_disarm(options, pid);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(getppid() == parent ? arm_or_disarm(options, pid) : kUnknown);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : kUnknown;
}

int run(const Options& options) {
  if (options.help) return say(help());
  if (options.version) return say("nosigpipe-attach " NOSIGPIPE_VERSION "\n");
  if (options.start) return start(options.command);
  block_signals();
  int highest = kDone;
  for (const int pid : options.pids) highest = std::max(highest, arm_or_disarm_apart(options, pid));
  return highest;
}

}  // namespace
}  // namespace attach

int main(int argc, char* argv[]) {
  try {
    return attach::run(attach::parse_options({argv + 1, argv + argc}));
  } catch (const std::exception& error) {
    return attach::complain(error.what(), attach::kRefused);
  }
}
