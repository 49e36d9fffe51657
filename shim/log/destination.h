// The file or socket that the log goes to, through all that a program may do to it: closed, rotated, out of reach.
#pragma once

#include <string_view>

namespace destination {

enum class Kind { standard_error, file, syslog, journal };
Kind kind();

// 0 or errno. `executable` is the path of the program, for %e.
int open(std::string_view executable);

// As nonblocking::write, to where the log is now.
long write(std::string_view bytes);

}  // namespace destination
