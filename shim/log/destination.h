// The file or socket that the log goes to, through all that a program may do to it: closed, rotated, out of reach.
#pragma once

#include <string_view>

#include "log/nonblocking_write.h"

namespace destination {

enum class Kind { standard_error, file, syslog, journal };
Kind kind();

// 0 or errno. `executable` is the path of the program, for %e.
int open(std::string_view executable);

// As nonblocking::write, to where the log is now; -EBADF where it is nowhere.
long write(const nonblocking::SignalsBlocked& blocked, std::string_view bytes);

}  // namespace destination
