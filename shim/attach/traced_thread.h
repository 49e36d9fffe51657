// A thread of another process that is traced: seized, stopped, sent on to its next stop, let go. What is asked of one
// that has ended throws NotNow.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "attach/target.h"

namespace attach {

class TracedThread {
 public:
  // Seizes it and stops it. Throws NotNow or Refusal where it cannot be had.
  static TracedThread seize(const Target& target, pid_t tid) { return {target, tid, false}; }
  // We trace it already, and it is stopped.
  static TracedThread stopped(const Target& target, pid_t tid) { return {target, tid, true}; }
  TracedThread(const TracedThread&) = delete;
  TracedThread& operator=(const TracedThread&) = delete;
  // Lets it go, if it is stopped: no more traced.
  ~TracedThread();

  pid_t tid() const { return tid_; }
  std::string status() const;  // of the thread, in /proc; empty where it has ended
  // Since it was stopped first.
  std::chrono::microseconds stopped_for() const;

  // To its next stop: a system call's entry or exit, or a signal. False where that takes too long: it is not stopped
  // then.
  bool goes_on(std::chrono::milliseconds limit);
  bool is_stopped() const { return is_stopped_; }
  // Neither by a signal nor with all threads of its process: by PTRACE_INTERRUPT alone.
  bool is_stopped_by_us() const;
  bool is_at_call() const;
  // That it is about to get, and gets when it goes on; else 0.
  int signal() const;

  user_regs_struct registers() const;
  bool set_registers(const user_regs_struct& registers);
  // NT_X86_XSTATE and the like.
  std::optional<std::string> register_set(int which) const;
  std::optional<std::uint64_t> mask() const;
  // Into memory that the process itself may not write to, too.
  bool poke(std::uint64_t at, long word);
  // Whether it has its system calls sent to itself as SIGSYS, but for those that some code of its makes: ours would
  // kill it. Before Linux 6.4 nobody tells.
  bool dispatches_calls() const;

 private:
  TracedThread(const Target& target, pid_t tid, bool is_stopped);
  bool wait_for_stop(std::chrono::milliseconds limit);

  const Target& target_;
  const pid_t tid_;
  const std::chrono::steady_clock::time_point since_;
  bool is_stopped_;
  int stop_ = 0;  // its last one, as waitpid(2) gives it
};

}  // namespace attach
