// Where lines go: to stderr or a file, one line, one write, never in the program's way.
#pragma once

#include "text.h"

namespace logging {

bool wanted();

// Opens the log, if one is wanted; a file that cannot be opened is said on stderr, once.
void open();

// A line that is lost, because the disk is full or a reader slow, is lost. Safe in a signal handler.
void write(text::Line& line);

// To stderr, wanted or not: what the user has to know at the start.
void warn(text::Line& line);

void add_time(text::Line& line);  // RFC 3339, UTC, microseconds

// A thread runs away on this fd; `action` is what is done about it.
void runaway(int fd, unsigned epipes, const char* action);

}  // namespace logging
