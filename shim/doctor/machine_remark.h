// What is to be said of /etc/nosigpipe.conf, of which the library itself says nothing, and what counts with it.
#pragma once

#include <string>

namespace doctor {

// Why the file is ignored, that it turns the library off, or a line of it that counts for nothing; empty where there is
// none, or nothing special about it.
std::string machine_remark();

// What it says of a variable; empty where it says nothing, or is ignored.
std::string machine_says(const std::string& variable);

// The value of an option that holds for what we start.
std::string in_force(const std::string& variable);

// Where this mode is set, for who is to take it out again.
std::string setting_of_mode(const std::string& mode);

}  // namespace doctor
