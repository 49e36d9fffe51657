#include "guard/runaway.h"

#include <asm/socket.h>
#include <sys/socket.h>

#include <cerrno>

#include "log/event.h"
#include "program/disposition.h"
#include "program/fd.h"
#include "program/mask.h"
#include "program/policy.h"
#include "system/kernel.h"
#include "system/options.h"
#include "system/proc.h"

namespace runaway {
namespace {

constexpr unsigned kLongestSleep = 100;  // ms

// A number that no other socket of this boot has.
unsigned long long cookie(int fd) {
  unsigned long long value = 0;
  kernel::socket_option(fd, SOL_SOCKET, SO_COOKIE, value);
  return value;
}

// Who ignores SIGPIPE would neither have been ended by it nor slowed down, and a handler would only have been called.
Runaway action(int fd) {
  const Runaway wanted = options::get().runaway;
  if (disposition::ignores() || !fd::raises_sigpipe(fd)) return Runaway::off;
  if (disposition::has_handler()) return Runaway::deliver;
  if (wanted != Runaway::automatic) return wanted;
  return proc::single_threaded() ? Runaway::deliver : Runaway::throttle;
}

void throttle() {
  auto& ms = thread.streak.sleep_ms;
  ms = ms == 0 ? 1 : ms * 2 > kLongestSleep ? kLongestSleep : ms * 2;
  kernel::sleep(static_cast<long>(ms) * 1'000'000);
}

void act(int fd) {
  auto& streak = thread.streak;
  const Runaway chosen = action(fd);
  if (chosen == Runaway::deliver) {
    event::log_runaway(fd, streak.length, "deliver");
    streak.length = 0;
    mask::raise_as_kernel(mask::Mark::due);
  } else if (chosen == Runaway::throttle) {
    if (streak.sleep_ms == 0) event::log_runaway(fd, streak.length, "throttle");
    throttle();
  }
}

}  // namespace

void look(int fd) {
  if (policy::uses(policy::in_seccomp)) return;
  auto& streak = thread.streak;
  const unsigned limit = options::get().runaway_after;
  const unsigned half_way = limit / 2 + limit % 2;
  looks_from.store(half_way, std::memory_order_relaxed);
  if (streak.length == half_way) {
    streak.socket = cookie(fd);
    streak.sleep_ms = 0;
  }
  if (streak.length < limit || options::get().runaway == Runaway::off) return;
  if (streak.length == limit && streak.socket != cookie(fd)) {
    streak.length = 0;
    return;
  }
  const int error = errno;
  act(fd);
  errno = error;  // a handler that has been called may have changed it
}

}  // namespace runaway
