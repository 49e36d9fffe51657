// Call sites in words, in as many columns as there are.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/entry.h"

namespace report {

// The function and the line, or else the address. Where there is no room for all of it what the function takes goes
// first, then the directories of the source, then the beginnings of the functions; the file, its line and an address
// are never cut.
std::string location(const Entry& entry, std::size_t room);

// The columns that this takes at least.
std::size_t narrowest_location(const Entry& entry);

// The way from the write to its callers, if there is one: three functions, of a library without lines one only.
std::vector<std::string> chain(const Entry& entry);

}  // namespace report
