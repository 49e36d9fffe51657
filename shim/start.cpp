// What is done once before main, and once after it. The hooks work without it.

#include "log/event.h"
#include "log/log.h"
#include "program/disposition.h"
#include "program/policy.h"
#include "system/options.h"

// Without a log nothing of it is called: its pages stay untouched, which is a fault less for each process.
[[gnu::constructor]] static void start() {
  policy::now();  // finds libc's functions
  options::each_mistake(logging::warn);
  if (policy::uses(policy::makes_no_calls)) return;  // a library's constructor has set a seccomp filter
  if (options::get().log != Log::none) event::begin();
  disposition::arm();
  policy::learn(policy::armed);
}

[[gnu::destructor]] static void end() {
  if (logging::wanted()) event::log_totals();
}
