// Reads the fields of a record, by their names in log/fields.def.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "report/record.h"
#include "report/scanner.h"

namespace report {

class FieldReader {
 public:
  // Puts the values that this scanner meets into this record.
  FieldReader(Record& record, Scanner& scanner) : record_(record), scanner_(scanner) {}

  // The value of the field of this name, at which the scanner stands. A field that is not in the list is skipped. False
  // for damage; a field that is used and comes twice is damage, too: two records have run into one.
  bool read(std::string_view name);

  // The scanner stands before a field.
  void mark_field();
  // Takes the scanner back to the field before the last one that was marked: where a record is damaged, the next may
  // have begun inside of that.
  void back_to_field_before();

 private:
  std::size_t find(std::string_view name);
  bool first(std::size_t field);
  bool read_text(as::text& text, std::size_t field);
  bool read_frames(as::frames& frames, std::size_t field);
  bool read_number(as::number& number, std::size_t field);
  bool read_hex(as::hex& number, std::size_t field);
  bool read_skipped(as::skipped& value, std::size_t field);

  Record& record_;
  Scanner& scanner_;
  std::string_view last_, before_;  // the line from the last field on, and from the one before it
  std::size_t next_ = 0;            // the field that is to be expected
  std::uint64_t seen_ = 0;          // a bit for each field
};

}  // namespace report
