#include "guard/runaway.h"

#include "log/event.h"
#include "program/disposition.h"
#include "program/fd.h"
#include "program/mask.h"
#include "program/policy.h"
#include "system/clock.h"
#include "system/kernel.h"
#include "system/options.h"
#include "system/proc.h"

namespace runaway {
namespace {

constexpr unsigned kStorm = 64;          // in a storm the clock is read each so many
constexpr std::int64_t kStormGap = 10;   // ms between two looks
constexpr std::int64_t kMoment = 100;    // ms; what is over by then is not asked about
constexpr unsigned kLongestSleep = 100;  // ms

std::int64_t now() {
  const auto time = kernel::clock(CLOCK_MONOTONIC_COARSE);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

// What this thread has written without the lines of our log; -1 where it is not known.
long long written() {
  const auto bytes = proc::bytes_written();
  return bytes < 0 ? -1 : bytes - thread.logged;
}

// Who ignores SIGPIPE would neither have been ended by it nor slowed down, nor who has a handler that is called.
Runaway action(int fd) {
  const auto& options = options::get();
  if (disposition::ignores() || !fd::raises_sigpipe(fd)) return Runaway::off;
  if (disposition::has_handler()) return options.handlers == Handlers::bypass ? Runaway::deliver : Runaway::off;
  if (options.runaway != Runaway::automatic) return options.runaway;
  const bool is_known = thread.streak.written >= 0;  // else writes may have succeeded that no hook has seen
  return is_known && proc::single_threaded() && !fd::serves_others(fd) ? Runaway::deliver : Runaway::throttle;
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
    stop();
    thread.raised_by = "unknown";
    thread.raised_on = fd;
    mask::raise_due();
  } else if (chosen == Runaway::throttle) {
    if (streak.sleep_ms == 0) event::log_runaway(fd, streak.length, "throttle");
    throttle();
  }
}

// The time begins. What it takes to know that nothing else was written is four system calls, dear for the many sockets
// that have their EPIPEs in one burst.
void begin(int fd, std::int64_t time) {
  auto& streak = thread.streak;
  streak.thread = kernel::tid();
  streak.began = time;
  streak.socket = fd::cookie(fd);
  streak.written = written();
}

// Whether nothing but EPIPE has come since then: it is the same thread and socket, and no write has succeeded that no
// hook has seen.
bool is_unbroken(int fd) {
  const auto& streak = thread.streak;
  return streak.thread == kernel::tid() && streak.socket == fd::cookie(fd) && streak.written == written();
}

}  // namespace

void count_on_another(int fd) {
  auto& streak = thread.streak;
  if (fd > 2 || streak.fd > 2) streak.length = 0;
  streak.fd = fd;
  count(fd);
}

void look(int fd) {
  auto& streak = thread.streak;
  if (options::get().runaway == Runaway::off || policy::makes_no_calls()) {
    streak.look_at = ~0U;
    return;
  }
  const auto time = now();
  if (streak.length == kFewest) {
    streak.thread = 0;
    streak.began = time;
    streak.sleep_ms = 0;
  }
  const bool is_storm = streak.sleep_ms == 0 && time - streak.looked < kStormGap;
  streak.look_at = streak.length + (is_storm ? kStorm : 1);
  streak.looked = time;
  const auto lasted = time - streak.began;
  if (streak.thread == 0 && lasted >= kMoment)
    begin(fd, time);
  else if (streak.thread != 0 && lasted >= std::int64_t{options::get().runaway_after} * 1000)
    is_unbroken(fd) ? act(fd) : stop();
}

}  // namespace runaway
