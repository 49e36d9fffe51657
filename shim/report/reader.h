// From lines to records: finds the records in each line and counts what is damaged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "report/container.h"
#include "report/lines.h"
#include "report/record.h"
#include "report/record_reader.h"
#include "report/timestamp.h"

namespace report {

// From `since` on, before `until`.
struct Period {
  Timestamp since = Timestamp::min();
  Timestamp until = Timestamp::max();
};

// How much has been read, by what became of it.
struct Seen {
  std::uint64_t records = 0;   // in the period
  std::uint64_t outside = 0;   // of the period
  std::uint64_t damaged = 0;   // lines
  std::uint64_t too_long = 0;  // lines
  std::uint64_t unknown = 0;   // records of kinds that a later version writes
  std::uint64_t foreign = 0;   // lines of somebody else

  // How much nosigpipe has written, and how many lines it has not.
  std::uint64_t ours() const { return records + outside + damaged + unknown; }
  std::uint64_t others() const { return foreign + too_long; }
};

// A log as it comes: cut into lines, and these out of a container's dress.
struct Stream {
  Lines lines;
  ContainerLog container;
};

class Reader {
 public:
  using OnRecord = std::function<void(const Record&)>;

  // Gives on_record() each record of the period whose event is known.
  Reader(const Period& period, OnRecord on_record) : period_(period), on_record_(std::move(on_record)) {}

  // `ended`: by a newline. The last record of a line without one may be cut: in text it is not used.
  void line(std::string_view line, bool ended);
  void too_long() { ++seen_.too_long; }

  // So many bytes have been put into the space of the stream's lines.
  void filled(Stream& stream, std::size_t bytes);
  // The stream has ended.
  void finish(Stream& stream);

  const Seen& seen() const { return seen_; }

 private:
  void use(const Record& record);

  Period period_;
  OnRecord on_record_;
  RecordReader record_reader_;
  Seen seen_;
};

}  // namespace report
