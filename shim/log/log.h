// From a record to the log: the frame that a file, syslog or journald wants around it, and how many records were lost.
#pragma once

#include <atomic>
#include <cstdint>

#include "log/record_writer.h"

struct Fields;
struct Scratch;

namespace logging {

#ifdef NOSIGPIPE_WITHOUT_LOG  // in the handler of static programs
constexpr bool wanted() { return false; }
#else
inline constinit std::atomic<bool> is_wanted = false;

// False before the start. In a hot path: one load.
inline bool wanted() { return is_wanted.load(std::memory_order_relaxed); }
#endif

// There is to be a log. To be called once, at the start; it is opened with the first record.
void begin();

// The path of the program's file, as it was when this was first asked; empty where /proc does not say.
std::string_view executable();

// When the program began, or the one that it was forked from: seconds since 1970.
std::int64_t started();

// Adds its fields to a record.
using Fill = void (*)(record::Writer&, const Fields&);

// Writes one record of this kind (averted, observed, passed, total, runaway), of the fields in this scratch. False if
// that was not possible at once; then it is counted, and the next one says how many were lost. If it is because the log
// cannot be opened, stderr is told, once in a process. Safe in a signal handler; leaves errno alone; never blocks.
bool write(Scratch& scratch, std::string_view kind, Fill fill);

// One line to stderr, whether there is a log or not: what the user has to know at the start. Never blocks.
void warn(text::Line& line);

}  // namespace logging
