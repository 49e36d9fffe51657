// Reads one record of the log from a line of text or of JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "report/timestamp.h"

namespace report {

enum class Event { averted, observed, total, runaway };

// How log/fields.def says that a field is read. A field that is absent is empty.
namespace as {
using text = std::string_view;  // unescaped
using number = std::optional<std::uint64_t>;
using hex = std::optional<std::uint64_t>;
using frames = std::string_view;  // unescaped, with a NUL between two frames
struct skipped {};
}  // namespace as

// The texts point into the line or into the RecordReader, and are good until it reads the next record.
struct Record {
  Event kind = Event::averted;
  Timestamp time;
#define FIELD(name, how) as::how name{};
#include "log/fields.def"
};

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
