// The value of an option that holds, as the library reads it (system/options.cpp): what is given wins over
// /etc/nosigpipe.conf, but for the switch that turns it all off.
#pragma once

#include <optional>
#include <string>

#include "tools/fd.h"

namespace doctor {

// What stands in the machine's file, opened; empty where it could not be, or is ignored.
std::string text_of(const tools::Fd& file);

// For a variable, by what it is given as, if it is, and by that text. The default where that is not valid.
std::string in_force(const std::string& variable, const std::optional<std::string>& given, const std::string& text);

}  // namespace doctor
