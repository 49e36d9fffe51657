// Puts functions and source lines to the entries of a report.
#pragma once

#include <string>
#include <vector>

#include "entry.h"

namespace report {

// Looks up the most frequent entries, and makes one of those that show the same place. What went wrong as a whole comes
// back, empty where nothing did.
std::string look_up(std::vector<Entry>& entries, const std::string& symbolizer, const std::vector<std::string>& search);

}  // namespace report
