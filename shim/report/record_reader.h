// One record of the log, read from a line of text or of JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "report/timestamp.h"

namespace report {

enum class Event { averted, observed, total, runaway };

namespace as {
using text = std::string_view;  // unescaped; empty where the field is absent
using number = std::optional<std::uint64_t>;
using hex = std::optional<std::uint64_t>;
using frames = std::string_view;  // unescaped, with a NUL between two frames
struct skipped {};
}  // namespace as

// The texts are those of the line or of the parser, and good until the next record is parsed.
struct Record {
  Event kind = Event::averted;
  Moment time = 0;
#define FIELD(name, how) as::how name{};
#include "log/fields.def"
#undef FIELD
};

// Where a record begins, at or after `from`: "nosigpipe: " and a time, or {"time": and its quote.
std::size_t find_record(std::string_view line, std::size_t from);

// Whether a line without the beginning of a record has the inside of one.
bool looks_torn(std::string_view text);

class Parser {
 public:
  // Reads the record that begins at `at`, which is moved to its end, or to where it is damaged. Nothing comes back for
  // damage. `ended`: the line has a newline, without which a last text field may be cut.
  std::optional<Record> parse(std::string_view line, std::size_t& at, bool ended);

  // The last record was sound, but of a kind that this program does not know.
  bool unknown() const { return unknown_; }

 private:
  std::string room_;  // for texts that had to be unescaped
  bool unknown_ = false;
};

}  // namespace report
