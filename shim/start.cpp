// What is done once before main, and once after it. The hooks work without it.

#include "disposition.h"
#include "event.h"
#include "log.h"
#include "options.h"
#include "real.h"
#include "technique.h"

[[gnu::constructor]] static void start() {
  real::find_all();
  options::each_mistake(logging::warn);
  event::open();
  disposition::arm();
  technique::net_stands();
}

[[gnu::destructor]] static void end() { event::tell_totals(); }
