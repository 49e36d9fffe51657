// Where the records go: which file or socket that is now, how a record is dressed for it, and how many were lost.
#pragma once

#include <time.h>

#include <atomic>

#include "log/nonblocking_write.h"
#include "log/record_writer.h"

namespace logging {

inline constinit std::atomic<bool> is_wanted = false;

// False before the start.
inline bool wanted() { return is_wanted.load(std::memory_order_relaxed); }

// Opens the log, if one is wanted; one that cannot be opened is said on stderr, once.
void open();

// The program's file, as it was at the start.
std::string_view executable();

// Where a record is put together: text of 4,096 bytes at most, which a pipe takes as one, or twice that for journald.
struct Room {
  char bytes[8192];
};

// Adds its fields to a record.
using Fill = void (*)(record::Record&, const void* facts);

// Writes one record; false if that was not possible at once. Then it is counted, and the next one says so. Safe in a
// signal handler.
bool write(const outlet::Quiet& quiet, Room& room, std::string_view kind, Fill fill, const void* facts);

// To stderr, wanted or not: what the user has to know at the start.
void warn(text::Line& line);

}  // namespace logging
