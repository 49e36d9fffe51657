#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/traced_thread.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <cerrno>

#include "attach/permission.h"
#include "attach/refusal.h"
#include "doctor/proc_file.h"

namespace attach {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestWait{5'000};  // for the first stop
constexpr int kAtCall = SIGTRAP | 0x80;      // with PTRACE_O_TRACESYSGOOD

template <class... Arguments>
long trace(__ptrace_request request, pid_t tid, Arguments... arguments) {
  const long result = ptrace(request, tid, arguments...);
  if (result == -1 && errno == ESRCH) throw NotNow("its thread has ended");
  return result;
}

}  // namespace

TracedThread::TracedThread(const Target& target, pid_t tid, bool is_stopped)
    : target_(target), tid_(tid), since_(std::chrono::steady_clock::now()), is_stopped_(is_stopped) {
  if (is_stopped) return;
  if (trace(PTRACE_SEIZE, tid_, nullptr, PTRACE_O_TRACESYSGOOD) != 0) {
    const int error = errno;
    refuse_by_status(target_.pid(), target_.status());
    const auto own = status();
    const auto state = doctor::value_of(own, "State").substr(0, 1);
    if (state.empty() || state == "Z" || state == "X") throw NotNow("its thread has ended");
    if (doctor::number_of(doctor::value_of(own, "TracerPid")) != 0)
      throw NotNow("its thread " + std::to_string(tid_) + " is traced by somebody else");
    throw Refusal(why_not_allowed(target_.status(), error));
  }
  // It is a thread of this process for certain, if both are there still.
  if (target_.has_ended()) throw Refusal("the process has ended");
  if (status().empty()) throw NotNow("its thread has ended");
  trace(PTRACE_INTERRUPT, tid_, nullptr, nullptr);
  // As long as it does not stop it is none the worse; but there is no way to say that it need not.
  if (!wait_for_stop(kLongestWait))
    throw Refusal("its thread " + std::to_string(tid_) +
                  " does not stop: it waits in the kernel for a disk or a server; try again later");
}

TracedThread::~TracedThread() {
  if (is_stopped_) ptrace(PTRACE_DETACH, tid_, nullptr, signal());
}

std::string TracedThread::status() const {
  return doctor::read_proc(target_.directory() + "task/" + std::to_string(tid_) + "/status").value_or("");
}

std::chrono::microseconds TracedThread::stopped_for() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - since_);
}

bool TracedThread::goes_on(milliseconds limit) {
  is_stopped_ = false;
  return trace(PTRACE_SYSCALL, tid_, nullptr, signal()) == 0 && wait_for_stop(limit);
}

bool TracedThread::wait_for_stop(milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const pid_t stopped = waitpid(tid_, &stop_, __WALL | WNOHANG);
    if (stopped == tid_ && WIFSTOPPED(stop_)) {
      is_stopped_ = true;
      return true;
    }
    if (stopped != 0) throw NotNow("its thread has ended");
    if (std::chrono::steady_clock::now() > end) return false;
    // SIGCHLD comes with each stop; who does not block it waits a little longer.
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const timespec moment{0, 1'000'000};
    sigtimedwait(&child, nullptr, &moment);
  }
}

bool TracedThread::is_stopped_by_us() const { return stop_ >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(stop_) == SIGTRAP; }

bool TracedThread::is_at_call() const { return WSTOPSIG(stop_) == kAtCall; }

int TracedThread::signal() const { return stop_ >> 16 == 0 && !is_at_call() ? WSTOPSIG(stop_) : 0; }

user_regs_struct TracedThread::registers() const {
  user_regs_struct registers{};
  trace(PTRACE_GETREGS, tid_, nullptr, &registers);
  return registers;
}

bool TracedThread::set_registers(const user_regs_struct& registers) {
  return trace(PTRACE_SETREGS, tid_, nullptr, &registers) == 0;
}

std::optional<std::string> TracedThread::register_set(int which) const {
  std::string bytes(64 << 10, '\0');
  iovec state{bytes.data(), bytes.size()};
  if (trace(PTRACE_GETREGSET, tid_, which, &state) != 0) return std::nullopt;
  bytes.resize(state.iov_len);
  return bytes;
}

std::optional<std::uint64_t> TracedThread::mask() const {
  std::uint64_t mask = 0;
  if (trace(PTRACE_GETSIGMASK, tid_, sizeof mask, &mask) != 0) return std::nullopt;
  return mask;
}

bool TracedThread::poke(std::uint64_t at, long word) { return trace(PTRACE_POKETEXT, tid_, at, word) == 0; }

bool TracedThread::dispatches_calls() const {
  constexpr auto kGetDispatch = static_cast<__ptrace_request>(0x4211);
  struct {
    std::uint64_t mode, selector, begin, size;
  } config{};
  return trace(kGetDispatch, tid_, sizeof config, &config) == 0 && config.mode != 0;
}

}  // namespace attach
#endif
