#include "guard/sigpipe_handler.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "guard/runaway.h"
#include "log/event.h"
#include "program/fd.h"
#include "program/handler_stubs.h"
#include "program/mask.h"
#include "program/policy.h"
#include "program/thread_state.h"
#include "system/context.h"
#include "system/options.h"

namespace handler {
namespace {

using context::Interrupted;
using context::kUnknown;

// A system call that can raise SIGPIPE; functions.def says what its columns mean.
struct Writer {
  long number;
  const char* name;
  int fd;
  int flags;
  bool is_partial;
};

constexpr int none = -1;
constexpr bool partial = true;
constexpr bool whole = false;
constexpr Writer kWriters[] = {
#define SYSTEM_CALL(name, number, fd, flags, count) {number, #name, fd, flags, count},
#include "functions.def"
};

constexpr bool is_writer(std::string_view name) {
  for (const auto& writer : kWriters)
    if (std::string_view(writer.name) == name) return true;
  return name == "never";
}
#define FUNCTION(name, type, technique, by) \
  static_assert(is_writer(#by), #name " raises SIGPIPE by a system call that functions.def does not list");
#include "functions.def"

bool is_quiet(const Writer& writer, const Interrupted& at) {
  return writer.flags >= 0 && (at.arguments[writer.flags] & MSG_NOSIGNAL) != 0;
}

struct Write {
  const char* call = nullptr;
  int fd = -1;
};

// The number is not known where it came in a register, as in syscall(2): it may have been a splice, whose fd is the
// third argument. Of two fds that could be meant the dead one is meant.
Write unknown_write(const Interrupted& at) {
  const int first = static_cast<int>(at.arguments[0]);
  const int third = static_cast<int>(at.arguments[2]);
  if (thread.hooked.fd() >= 0 && (thread.hooked.fd() == first || thread.hooked.fd() == third))
    return {"hooked", thread.hooked.fd()};
  const int dead = fd::dead_one_of(first, third);
  return {"syscall", dead >= 0 ? dead : first};
}

const Writer* writer(long number) {
  for (const auto& known : kWriters)
    if (known.number == number) return &known;
  return nullptr;
}

// The write that has raised the SIGPIPE; an fd of -1 if it was none.
Write interrupted_write(const Interrupted& at) {
  if (!at.in_call || (at.result != -EPIPE && at.result <= 0)) return {};
  const Writer* known = writer(at.number);
  Write write;
  if (!at.has_arguments)
    write = {"hooked", thread.hooked.fd()};
  else if (at.number == kUnknown)
    write = unknown_write(at);
  else if (known != nullptr && !is_quiet(*known, at))
    write = {known->name, static_cast<int>(at.arguments[known->fd])};
  // A positive count comes from many a call that has raised nothing.
  const bool can_be_partial = known == nullptr || known->is_partial;
  if (at.result > 0 && (!can_be_partial || fd::dead_one_of(write.fd, write.fd) < 0)) return {};
  return write;
}

// Where the program has set a seccomp filter, a system call of ours may kill it. So the kernel is asked only where
// nothing is remembered and the program would be killed anyway.
bool ours_in_seccomp(const Interrupted& at, bool kills) {
  if (!at.in_call || !at.has_arguments || at.result != -EPIPE) return false;
  const Writer* known = writer(at.number);
  const int fd = static_cast<int>(at.arguments[known != nullptr ? known->fd : 0]);
  return fd::hint(fd) == fd::Hint::socket || (kills && fd::in_scope(fd));
}

// A mask is changed, and lets go what a sendfile or splice had raised that reported success.
bool was_left_pending(const Interrupted& at) {
  const int fd = std::exchange(thread.short_count_fd, -1);
  return at.in_call && fd >= 0 && fd::in_scope(fd) && (fd::is_dead(fd) || fd::kind_of(fd) == fd::Kind::closed);
}

// Whether the thread lives on as if nothing had been raised.
bool averts(const siginfo_t& info, const void* interrupted, bool has_handler) {
  const auto& options = options::get();
  const bool bypassed = options.mode == Mode::protect && (!has_handler || options.handlers == Handlers::bypass);
  if (mask::mark_of(info) != mask::Mark::none) return bypassed && mask::mark_of(info) == mask::Mark::averted;
  if (policy::uses(policy::in_seccomp))
    return bypassed && info.si_code == SI_USER && ours_in_seccomp(context::read(interrupted), !has_handler);
  if (!mask::from_kernel(info)) return false;
  const auto at = context::read(interrupted);
  const Write write = interrupted_write(at);
  if (write.fd < 0) return bypassed && was_left_pending(at);
  if (!fd::in_scope(write.fd)) return false;

  const bool dies = !bypassed && !has_handler && kernel::pid() != 1;
  const bool by_hook = thread.hooked.fd() == write.fd;
  // The hook logs, but where it may never come back: the process dies, or its handler does not return.
  const bool logs = !bypassed || !by_hook;
  if (by_hook) thread.hooked.raise();
  if (by_hook) thread.logged = logs;
  if (logs) {
    event::log({write.call, write.fd, event::kNotKnown, bypassed ? "catch" : "none", at.call_site, interrupted, dies});
    if (bypassed && !by_hook && at.result == -EPIPE) runaway::count(write.fd);
  }
  if (bypassed && options.scope == Scope::sockets && fd::hint(write.fd) == fd::Hint::other)
    fd::remember(write.fd, fd::Hint::none);
  return bypassed;
}

}  // namespace

void get_ready_for_seccomp() {
  if (!policy::uses(policy::in_seccomp)) fd::remember_all();
}

}  // namespace handler

void handler_stubs::on_sigpipe(unsigned stub, siginfo_t* info, void* context) {
  const int error = errno;
  const bool averted = handler::averts(*info, context, stands_for_handler(stub));
  errno = error;
  if (averted) return;
  if (!stands_for_handler(stub) && kernel::pid() != 1) event::log_totals(context);
  deliver(stub, info, context);
}
