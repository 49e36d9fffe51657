// nosigpipe-attach: arms a process that is running, and takes it back.
#include <signal.h>
#include <unistd.h>

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

int run(const Options& options) {
  if (options.help) {
    std::cout << help();
    return kDone;
  }
  if (options.version) {
    std::cout << "nosigpipe-attach " NOSIGPIPE_VERSION "\n";
    return kDone;
  }
  if (options.start) return start(options.command);
  block_signals();
  auto process = std::to_string(options.pid);
  try {
    const Target target(options.pid);
    process += " (" + target.name() + ")";
    const auto library = options.library.empty() ? own_library() : std::filesystem::absolute(options.library).string();
    const auto outcome = options.detach ? disarm(target) : arm(target, library, options.variables);
    const auto said = process + ": " + outcome.answer + "; one thread stopped for " + milliseconds(outcome.stopped_for);
    if (!outcome.is_done) return complain(said, kNotDone);
    std::cout << (options.detach ? "detached " : "armed ") << tools::printable(said) << "\n";
    return kDone;
  } catch (const Refusal& refusal) {
    return complain(process + ": " + refusal.what(), kRefused);
  } catch (const Lost& lost) {
    return complain(process + ": " + lost.what(), kUnknown);
  }
}

}  // namespace
}  // namespace attach

int main(int argc, char* argv[]) {
  try {
    const int status = attach::run(attach::parse_options({argv + 1, argv + argc}));
    return std::cout.flush() ? status : attach::kUnknown;
  } catch (const std::exception& error) {
    return attach::complain(error.what(), attach::kRefused);
  }
}
