#include "guard/sigpipe_handler.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
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

namespace net {
namespace {

using context::Interrupted;
using context::kUnknown;

// A system call that can raise SIGPIPE.
struct Writer {
  long number;
  const char* name;
  int fd;          // which of its arguments is the fd that it writes to
  bool partly;     // it can raise SIGPIPE although it reports what it has written before
  int flags = -1;  // which of its arguments could say MSG_NOSIGNAL
};

constexpr Writer kWriters[] = {
    {SYS_write, "write", 0, true},         {SYS_writev, "writev", 0, true},
    {SYS_pwritev2, "pwritev2", 0, true},   {SYS_sendto, "sendto", 0, false, 3},
    {SYS_sendmsg, "sendmsg", 0, false, 2}, {SYS_sendmmsg, "sendmmsg", 0, true, 3},
    {SYS_sendfile, "sendfile", 0, true},   {SYS_splice, "splice", 2, true},
    {SYS_vmsplice, "vmsplice", 0, true},   {SYS_tee, "tee", 1, true},
#ifdef SYS_sendfile64
    {SYS_sendfile64, "sendfile", 0, true},
#endif
};

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
  const bool can_be_partly = known == nullptr || known->partly;
  if (at.result > 0 && (!can_be_partly || fd::dead_one_of(write.fd, write.fd) < 0)) return {};
  return write;
}

// Where the program has confined itself to some system calls, ours may kill it. So the kernel is asked only where
// nothing is remembered and the program would be killed anyway.
bool ours_when_confined(const Interrupted& at, bool kills) {
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
  if (technique::uses(technique::confined))
    return bypassed && info.si_code == SI_USER && ours_when_confined(context::read(interrupted), !has_handler);
  if (!mask::from_kernel(info)) return false;
  const auto at = context::read(interrupted);
  const Write write = interrupted_write(at);
  if (write.fd < 0) return bypassed && was_left_pending(at);
  if (!fd::in_scope(write.fd)) return false;

  const bool dies = !bypassed && !has_handler && kernel::pid() != 1;
  const bool by_hook = thread.hooked.fd() == write.fd;
  // The hook tells, but where it may never come back: the process dies, or its handler does not return.
  const bool tells = !bypassed || !by_hook;
  if (by_hook) thread.hooked.raise();
  if (by_hook) thread.told = tells;
  if (tells) {
    event::tell({write.call, write.fd, event::kNotKnown, bypassed ? "catch" : "none", at.call_site, interrupted, dies});
    if (bypassed && !by_hook && at.result == -EPIPE) runaway::count(write.fd);
  }
  if (bypassed && options.scope == Scope::sockets && fd::hint(write.fd) == fd::Hint::other)
    fd::remember(write.fd, fd::Hint::none);
  return bypassed;
}

}  // namespace

void get_ready_for_seccomp() {
  if (!technique::uses(technique::confined)) fd::remember_all();
}

}  // namespace net

void front::arrived(unsigned front, siginfo_t* info, void* context) {
  const int error = errno;
  const bool averted = net::averts(*info, context, stands_for_handler(front));
  errno = error;
  if (averted) return;
  if (!stands_for_handler(front) && kernel::pid() != 1) event::tell_totals(context);
  deliver(front, info, context);
}
