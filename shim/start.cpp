// What is done once before main, and once after it. The hooks work without it.

#include "log/event.h"
#include "log/log.h"
#include "program/disposition.h"
#include "program/mask.h"
#include "program/policy.h"
#include "system/options.h"
#include "system/preload.h"
#include "system/real.h"

// Without a log nothing of it is called: its pages stay untouched, which is a fault less for each process.
[[gnu::constructor]] static void start() {
  real::find_all();
  options::each_mistake(logging::warn);
  if (options::get().children == Children::strip) preload::strip();
  if (policy::makes_no_calls()) return;  // a library's constructor has set a seccomp filter
  if (options::get().log != Log::none) event::begin();
  disposition::arm();
  if (mask::is_blocked_by_program()) policy::learn(policy::may_block_sigpipe);
  policy::learn(policy::armed);
}

[[gnu::destructor]] static void end() {
  if (logging::wanted()) event::log_totals();
}
