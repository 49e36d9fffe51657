// The file or socket that the log goes to, through all that a program may do to it: closed, rotated, out of reach.
#pragma once

#include <string_view>

#include "system/kernel.h"

namespace destination {

enum class Kind { standard_error, file, syslog, journal };
Kind kind();

// To be called once, at the start: remembers from where paths count.
void know_start();

// Opens it, if it is not open: before the first line, or before what may put it out of reach. 0 or -errno.
int open();

// As nonblocking::write, to where the log is now. `error` is why it could not be opened: errno, or 0.
long write(std::string_view bytes, kernel::Signals blocked, int& error);

// What is to be opened, as it was last tried.
std::string_view place();

#ifdef NOSIGPIPE_LATE
void close();
#endif

}  // namespace destination
