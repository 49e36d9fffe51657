// The constructor: what is done once, before main. The hooks work without it.

#include "disposition.h"
#include "log.h"
#include "options.h"
#include "real.h"
#include "technique.h"

[[gnu::constructor]] static void start() {
  real::find_all();
  options::each_mistake(logging::warn);
  logging::open();
  disposition::arm();
  technique::net_stands();
}
