#include "report/field_reader.h"

#include <utility>

namespace report {
namespace {

constexpr std::string_view kFieldNames[] = {
#define FIELD(name, how) #name,
#include "log/fields.def"
};

enum Field : std::size_t {
#define FIELD(name, how) name##_field,
#include "log/fields.def"
  kFields
};
static_assert(kFields <= 64, "FieldReader has a bit for each");

}  // namespace

bool FieldReader::read(std::string_view name) {
  switch (find(name)) {
#define FIELD(field, how) \
  case field##_field:     \
    return read_##how(record_.field, field##_field);
#include "log/fields.def"
    default:
      return scanner_.skip_value();
  }
}

void FieldReader::mark_field() { before_ = std::exchange(last_, scanner_.rest()); }

void FieldReader::back_to_field_before() {
  if (before_.data() != nullptr) scanner_.rest() = before_;
}

// The log writes its fields in one order, so the search goes on behind the last. kFields where there is none.
std::size_t FieldReader::find(std::string_view name) {
  for (std::size_t tried = 0; tried < kFields; ++tried) {
    const std::size_t at = next_;
    next_ = (next_ + 1) % kFields;
    if (kFieldNames[at] == name) return at;
  }
  return kFields;
}

bool FieldReader::first(std::size_t field) {
  const bool seen = (seen_ >> field & 1) != 0;
  seen_ |= std::uint64_t{1} << field;
  return !seen;
}

bool FieldReader::read_text(as::text& text, std::size_t field) { return first(field) && scanner_.text(text); }

bool FieldReader::read_frames(as::frames& frames, std::size_t field) { return first(field) && scanner_.frames(frames); }

bool FieldReader::read_number(as::number& number, std::size_t field) {
  return first(field) && scanner_.number(number.emplace(), 10);
}

bool FieldReader::read_hex(as::hex& number, std::size_t field) {
  return first(field) && scanner_.number(number.emplace(), 16);
}

bool FieldReader::read_skipped(as::skipped&, std::size_t) { return scanner_.skip_value(); }

}  // namespace report
