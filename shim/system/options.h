// What the user has set in NOSIGPIPE_*, or the machine's administrator for all; options.def lists names, values and
// defaults.
#pragma once

#include "system/text.h"

#define VALUE(enumerator, word, help) enumerator,
#define CHOICE(NAME, name, Type, what, values) enum class Type { values };
#define NUMBER(NAME, name, fallback, lowest, highest, help)
#include "options.def"

struct Options {
#define VALUE(enumerator, word, help)
#define CHOICE(NAME, name, Type, what, values) Type name;
#define NUMBER(NAME, name, fallback, lowest, highest, help) unsigned name;
#include "options.def"
  const char* log_path;  // "" where the log is at no path
};

namespace options {

// Read from the environment and the machine's file when first used; a copy from then on. A value that is not valid
// counts as the default. Takes no lock: threads that come first at once all read the same. errno may change; never
// blocks.
const Options& get();

// Calls `say` with a line for each variable that is not valid or not ours, which names what is. errno may change.
void each_mistake(void (*say)(text::Line&));

#ifdef NOSIGPIPE_LATE
// From now on what these lines NOSIGPIPE_NAME=value say, over the machine's file; false where there are too many.
bool set(const char* lines);

// From now on --mode=off.
void turn_off();
#endif

}  // namespace options
