// Writes the report to where it goes.
#pragma once

#include <string>

namespace report {

// To a file, by way of a new one beside it that is complete and on the disk before it gets the name: whoever reads it
// sees the old report or the new one. To this descriptor where the name is empty; that may wait for its reader.
// Throws std::runtime_error where not all could be written.
void write_report(const std::string& text, const std::string& file, int fd);

}  // namespace report
