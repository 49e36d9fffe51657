#include "attach/permission.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "attach/refusal.h"
#include "doctor/proc_file.h"
#ifdef __x86_64__
#include "attach/filter.h"
#include "attach/traced_thread.h"
#endif

namespace attach {
namespace {

using doctor::number_of;
using doctor::read_proc;
using doctor::value_of;

constexpr std::uint64_t kStrict = 1;  // of seccomp; filters are asked one by one

// "real effective saved file"
bool are_all(std::string_view ids, std::uint64_t id) {
  while (!ids.empty())
    if (number_of(doctor::take_word(ids)) != id) return false;
  return true;
}

bool may_trace_all() {
  constexpr int kSysPtrace = 19;
  return (number_of(value_of(read_proc("/proc/self/status").value_or(""), "CapEff"), 16) >> kSysPtrace & 1) != 0;
}

}  // namespace

void refuse_by_status(int pid, const std::string& status) {
  const auto state = value_of(status, "State").substr(0, 1);
  if (pid == getpid()) throw Refusal("it is nosigpipe-attach itself");
  if (state == "Z" || state == "X") throw Refusal("it has ended, and its parent has not asked how");
  if (value_of(status, "VmSize").empty()) throw Refusal("it is a thread of the kernel's");
  const auto own = static_cast<std::uint64_t>(getpid());
  if (const auto tracer = number_of(value_of(status, "TracerPid")); tracer != 0 && tracer != own)
    throw Refusal("it is traced by process " + std::to_string(tracer) + ": end that first, or arm it from there");
  if (state == "T") throw Refusal("it is stopped: let it go on first (kill -CONT " + std::to_string(pid) + ")");
  if (value_of(status, "x86_Thread_features").find("shstk") != std::string_view::npos)
    throw Refusal("it has a shadow stack: not here; restart it under nosigpipe");
  if (number_of(value_of(status, "Seccomp")) == kStrict)
    throw Refusal("it may only read, write and end (seccomp's strict mode): it cannot be reached");
}

std::string why_not_allowed(const std::string& status, int error) {
  if (error != EPERM && error != EACCES) return std::string("it cannot be traced: ") + std::strerror(error);
  const auto scope = number_of(read_proc("/proc/sys/kernel/yama/ptrace_scope").value_or("0"));
  if (scope == 3)
    return "the kernel lets nobody trace until the next boot (kernel.yama.ptrace_scope is 3): restart it under "
           "nosigpipe";
  if (may_trace_all())
    return "it may not be traced, by who has CAP_SYS_PTRACE here neither: it is in another user namespace, or a "
           "security module forbids it; do it from outside the container";
  if (geteuid() == 0)
    return "root has no CAP_SYS_PTRACE here: start the container with --cap-add=SYS_PTRACE, or do it from outside";
  if (!are_all(value_of(status, "Uid"), geteuid()) || !are_all(value_of(status, "Gid"), getegid()))
    return "it is another user's, or runs with other rights than yours: do it as root";
  if (scope == 2) return "only root may trace here (kernel.yama.ptrace_scope is 2): do it as root";
  if (scope == 1) return "only its parent may trace it here (kernel.yama.ptrace_scope is 1): do it as root";
  return "it has more rights than you, or has made itself undumpable (prctl): do it as root";
}

#ifdef __x86_64__
void refuse_by_calls(const Target& target, const TracedThread& thread, Machine machine) {
  if (thread.dispatches_calls())
    throw NotNow("its thread has its system calls sent to itself (PR_SET_SYSCALL_USER_DISPATCH)");
  const auto mode_in = [](const std::string& status) { return number_of(value_of(status, "Seccomp")); };
  constexpr std::uint64_t kFilter = 2;
  const auto mode = mode_in(thread.status());
  if (mode == kStrict) throw NotNow("its thread may only read, write and end (seccomp's strict mode)");
  if (mode != kFilter) return;
  try {
    refuse_by_filters(machine, thread.tid());
  } catch (const Refusal& refusal) {
    if (mode_in(target.status()) == kFilter) throw;
    throw NotNow(refusal.what());
  }
}
#endif

}  // namespace attach
