// A thread of another process that is made to run a few calls, and then goes on as if nothing had been.
//
//   Remote remote(target, sleeper, true);             // stopped; throws NotNow where it is not fit for it
//   auto results = remote.run({system_call(SYS_mmap, 0, size, ...)});
//   target.write(results[0], ...);                    // it is stopped between two runs, and others of its process run
//   remote.run({function(dlopen, stack, path, RTLD_NOW), system_call(SYS_close, fd)});
//   // the destructor lets it go
//
// How it ends well at each point. Under the stretch that it runs (stretch.h) lies a signal frame with all that it was,
// and the last thing in each stretch is rt_sigreturn(2). One PTRACE_SETREGS sends the thread from where it sleeps into
// a stretch, or from the end of one, before that return, into the next. If we die before it, nothing has been changed;
// if we die after it, the thread does what is in the stretch that it is in, and is back.
//
// A call that our stop has interrupted is made again. (The kernel would do that for most, and make EINTR of others:
// epoll_wait, sigtimedwait, a receive with SO_RCVTIMEO.) Its timeout, if it has one, starts anew. If meanwhile a signal
// has come that the program handles, the call ends or not, as SA_RESTART says: it is let go from where the kernel
// decides that. Where we have died, the stretch does, for calls that no SA_RESTART keeps from EINTR.
//
// While it runs a stretch it blocks all signals but those of its own faults.
#pragma once

#include <sys/user.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "attach/frame.h"
#include "attach/sleepers.h"
#include "attach/stretch.h"
#include "attach/target.h"
#include "attach/traced_thread.h"

namespace attach {

// Who is stopped for longer without having called a function is let go.
constexpr std::chrono::milliseconds kLongestStop{100};

// Steps of a stretch. A stack of 0 is the thread's own, below what it uses: enough for system calls, and for no
// function.
template <class... Arguments>
Step system_call(Call call, Arguments... arguments) {
  return {static_cast<std::uint64_t>(call), {static_cast<std::uint64_t>(arguments)...}, 0, Step::system_call, 0};
}
template <class... Arguments>
Step function(std::uint64_t address, std::uint64_t stack, Arguments... arguments) {
  return {address, {static_cast<std::uint64_t>(arguments)...}, stack, Step::function, 0};
}

// What a step returns where the kernel has refused it, and why it has.
constexpr bool is_error(std::uint64_t result) { return result > ~std::uint64_t{4095}; }
std::string error_in(std::uint64_t result);

class Remote {
 public:
  // Seizes and stops this thread, and looks whether it is fit: still in that call, in no handler, or in one that does
  // no harm (see is_in_handler), no signal on its way to it. Throws NotNow, or Refusal.
  Remote(const Target& target, Machine machine, const Sleeper& sleeper, bool with_functions);
  // Takes a thread that we trace already and that is stopped, as behind its exec: it goes on with the registers it has.
  Remote(const Target& target, Machine machine, pid_t tid);
  Remote(const Remote&) = delete;
  Remote& operator=(const Remote&) = delete;
  // Lets it go: no more traced. Where the last run has thrown it does so by itself.
  ~Remote();

  // Runs these steps, at most kMostSteps, and what each has returned. Stops it behind the last. Throws Lost where that
  // takes too long or it has ended, NotNow where nothing has been run. Its own call goes on behind the last run.
  std::vector<std::uint64_t> run(std::vector<Step> steps);
  static constexpr std::size_t kMostSteps = 6;

  Machine machine() const { return machine_; }

  // Since it was stopped.
  std::chrono::microseconds stopped_for() const { return thread_.stopped_for(); }

 private:
  void look_whether_fit(const Sleeper& sleeper, bool with_functions);
  void make_call_again();
  void lay_down_frame();
  std::string table_of(const std::vector<Step>& steps) const;
  bool wait_for_end();
  void follow_back();

  const Target& target_;
  const Machine machine_;
  const bool sleeps_in_call_;  // there was a system call's instruction before it was stopped
  TracedThread thread_;
  bool is_entered_ = false, has_called_ = false;
  user_regs_struct registers_{};  // as they are to be when it goes on
  // Behind its own call, and where that is made again.
  std::uint64_t behind_call_ = 0, again_at_ = 0;
  std::uint64_t ending_signals_ = 0;                   // that end its own call with EINTR
  std::uint64_t code_ = 0, tables_ = 0, pending_ = 0;  // the last step asks for that set
  unsigned runs_ = 0;
  Frame frame_{};
  std::vector<Mapping> mappings_;  // since it was stopped
};

}  // namespace attach
