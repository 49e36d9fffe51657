// Finds the records in a line of the log, of text or of JSON, and reads them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "report/record.h"

namespace report {

// Where a record begins, at or after `from`: at "nosigpipe: " and a time, or at {"time": in JSON. npos where none does.
std::size_t find_record(std::string_view line, std::size_t from);

// Whether a text that has no beginning of a record has the inside of one.
bool looks_torn(std::string_view text);

class RecordReader {
 public:
  // Reads the record that begins at `at`, which is moved to its end, or to where it is damaged. Nothing comes back for
  // damage. `ended`: the line has its newline; without one the last field of a text record may be cut, so the record
  // counts as damaged.
  std::optional<Record> read(std::string_view line, std::size_t& at, bool ended);

  // Whether the last record was sound, but of an event that this program does not know.
  bool unknown() const { return unknown_; }

 private:
  std::string buffer_;  // texts that had to be unescaped
  bool unknown_ = false;
};

}  // namespace report
