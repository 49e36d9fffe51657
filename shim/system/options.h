// What the user has set in NOSIGPIPE_*; options.def lists names, values and defaults.
#pragma once

#include "system/text.h"

// The order is that of the values in options.def.
enum class Mode { protect, observe, off };
enum class Guard { automatic, mask, handler };
enum class Net { on, off };
enum class Scope { sockets, all };
enum class Handlers { bypass, deliver };
enum class Runaway { automatic, off, throttle, deliver };
enum class Log { none, standard_error, syslog, journal, syslog_at, journal_at, file };
enum class LogFormat { text, json };

struct Options {
  Mode mode;
  Guard guard;
  Net net;
  Scope scope;
  Handlers handlers;
  Runaway runaway;
  Log log;
  LogFormat format;
  unsigned runaway_after;
  unsigned stack;        // frames
  unsigned interval;     // ms
  const char* log_path;  // "" where the log is at no path
};

namespace options {

// Read from the environment when first used. A value that is not valid counts as the default.
const Options& get();

// Says, once for each, what in the environment is not valid and what is.
void each_mistake(void (*say)(text::Line&));

}  // namespace options
