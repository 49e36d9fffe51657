// Where the report goes.
#pragma once

#include <string>

namespace report {

// To the standard output, or to a file, by way of a new one beside it that is complete before it gets the name: whoever
// reads it sees the old report or the new one. Throws std::runtime_error.
void put(const std::string& text, const std::string& file);

}  // namespace report
