// What is done once before main, and once after it. The hooks work without it.

#include "program/disposition.h"
#include "log/event.h"
#include "log/log.h"
#include "system/options.h"
#include "system/real.h"
#include "program/policy.h"

[[gnu::constructor]] static void start() {
  real::find_all();
  options::each_mistake(logging::warn);
  event::open();
  disposition::arm();
  technique::net_stands();
}

[[gnu::destructor]] static void end() { event::tell_totals(); }
