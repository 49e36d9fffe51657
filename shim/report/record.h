// One record of the log: what happened, when, and the fields that the report uses.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "report/timestamp.h"

namespace report {

enum class Event { averted, observed, total, passed, runaway };

// How log/fields.def says that a field is read. A field that is absent is empty.
namespace as {
using text = std::string_view;  // unescaped
using number = std::optional<std::uint64_t>;
using hex = std::optional<std::uint64_t>;
using frames = std::string_view;  // unescaped, with a NUL between two frames
struct skipped {};
}  // namespace as

// Its texts point into the line that was read, or into the RecordReader, and are good until that reads the next record.
struct Record {
  Event about = Event::averted;
  Timestamp time;
#define FIELD(name, how) as::how name{};
#include "log/fields.def"
};

}  // namespace report
