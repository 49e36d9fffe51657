// What is done once before main, and once after it. The hooks work without it.

#include "log/event.h"
#include "log/log.h"
#include "program/disposition.h"
#include "program/policy.h"
#include "system/options.h"
#include "system/real.h"

[[gnu::constructor]] static void start() {
  real::find_all();
  options::each_mistake(logging::warn);
  event::open();
  disposition::arm();
  policy::arm();
}

[[gnu::destructor]] static void end() { event::log_totals(); }
