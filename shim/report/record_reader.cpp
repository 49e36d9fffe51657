#include "report/record_reader.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "report/parse.h"
#include "report/scanner.h"

namespace report {
namespace {

constexpr std::string_view kText = "nosigpipe: ";
constexpr std::string_view kJson = R"({"time":)";

constexpr std::string_view kFieldNames[] = {
#define FIELD(name, how) #name,
#include "log/fields.def"
};

enum Field : std::size_t {
#define FIELD(name, how) name##_field,
#include "log/fields.def"
  kNoField
};

constexpr std::pair<std::string_view, Event> kEvents[] = {
    {"averted", Event::averted}, {"observed", Event::observed}, {"total", Event::total}, {"runaway", Event::runaway}};

// Reads values into a record. The log writes its fields in one order, so the search for a name goes on behind the last.
class FieldReader {
 public:
  FieldReader(Record& record, Scanner& scanner) : record_(record), scanner_(scanner) {}

  // The value of this field, at which the scanner stands. False for damage.
  bool read(std::string_view name) {
    switch (find(name)) {
#define FIELD(field, how) \
  case field##_field:     \
    return read_##how(record_.field, field##_field);
#include "log/fields.def"
      default:
        return scanner_.skip_value();
    }
  }

  // Where a record is damaged, the next may have begun inside the field before.
  void mark_field() { before_ = std::exchange(last_, scanner_.rest()); }
  void back_to_field_before() {
    if (before_.data() != nullptr) scanner_.rest() = before_;
  }

 private:
  std::size_t find(std::string_view name) {
    for (std::size_t tried = 0; tried < kNoField; ++tried) {
      const std::size_t at = next_;
      next_ = next_ + 1 == kNoField ? 0 : next_ + 1;
      if (kFieldNames[at] == name) return at;
    }
    return kNoField;
  }

  // A name that comes twice is two records run into one.
  bool first(std::size_t field) {
    const bool seen = (seen_ >> field & 1) != 0;
    seen_ |= std::uint64_t{1} << field;
    return !seen;
  }

  bool read_text(std::string_view& text, std::size_t field) { return first(field) && scanner_.text(text); }
  bool read_frames(std::string_view& text, std::size_t field) { return first(field) && scanner_.frames(text); }
  bool read_number(as::number& value, std::size_t field) {
    return first(field) && scanner_.number(value.emplace(), 10);
  }
  bool read_hex(as::hex& value, std::size_t field) { return first(field) && scanner_.number(value.emplace(), 16); }

  bool read_skipped(as::skipped, std::size_t) { return scanner_.skip_value(); }

  static_assert(kNoField <= 64);
  Record& record_;
  Scanner& scanner_;
  std::string_view last_, before_;  // the line from the last field on, and from the one before it
  std::size_t next_ = 0;
  std::uint64_t seen_ = 0;
};

// Reads fields until one is damaged or there are no more.
bool read_text_fields(Scanner& scanner, FieldReader& fields) {
  while (scanner.take(' ')) {
    if (scanner.at_end()) return true;
    fields.mark_field();
    const auto name = scanner.word();
    if (name.empty() || !scanner.take('=') || !fields.read(name)) return false;
    if (!scanner.at_end() && scanner.next() != ' ') return false;
  }
  return scanner.at_end();
}

bool read_json_fields(Scanner& scanner, FieldReader& fields) {
  for (scanner.skip_blanks(); scanner.take(','); scanner.skip_blanks()) {
    scanner.skip_blanks();
    fields.mark_field();
    std::string_view name;
    if (!scanner.text(name)) return false;
    scanner.skip_blanks();
    if (!scanner.take(':')) return false;
    scanner.skip_blanks();
    if (!fields.read(name)) return false;
  }
  return scanner.take('}');
}

bool read_time(Scanner& scanner, bool json, Record& record) {
  std::string_view text;
  scanner.skip(json ? kJson.size() : kText.size());
  if (json) {
    scanner.skip_blanks();
    if (!scanner.text(text)) return false;
  }
  const auto time = take_timestamp(json ? text : scanner.rest());
  record.time = time.value_or(Timestamp{});
  return time && text.empty();
}

bool read_record(Scanner& scanner, bool json, Record& record) {
  const auto behind_mark = scanner.rest().substr((json ? kJson : kText).size());
  if (!read_time(scanner, json, record)) {
    scanner.rest() = behind_mark;
    return false;
  }
  FieldReader fields(record, scanner);
  if (json ? read_json_fields(scanner, fields) : read_text_fields(scanner, fields)) return true;
  fields.back_to_field_before();
  return false;
}

// Whether it has the numbers without which it says nothing.
bool has_counts(const Record& record) {
  if (record.kind == Event::runaway) return record.fd.has_value();
  return record.count && record.kills && *record.kills <= *record.count;
}

}  // namespace

std::size_t find_record(std::string_view line, std::size_t from) {
  for (; from < line.size(); ++from) {
    from = line.find_first_of("n{", from);
    if (from == line.npos) break;
    const auto rest = line.substr(from);
    if (rest.starts_with(kText) && rest.size() > kText.size() && is_digit(rest[kText.size()])) return from;
    if (rest.starts_with(kJson)) return from;
  }
  return line.npos;
}

bool looks_torn(std::string_view text) {
  for (const char* mark : {"would_kill=", "\"would_kill\":", " technique=", "\"technique\":"})
    if (text.find(mark) != text.npos) return true;
  return false;
}

std::optional<Record> RecordReader::read(std::string_view line, std::size_t& at, bool ended) {
  buffer_.clear();
  buffer_.reserve(line.size());  // unescaping makes no text longer, so the buffer never moves
  unknown_ = false;
  const bool json = line[at] == '{';
  Scanner scanner(line.substr(at), json, buffer_);
  Record record;
  const bool sound = read_record(scanner, json, record) && (json || ended);
  at = line.size() - scanner.rest().size();
  if (!sound || record.event.empty()) return {};
  const auto* event = std::ranges::find(kEvents, record.event, &std::pair<std::string_view, Event>::first);
  unknown_ = event == std::end(kEvents);
  if (unknown_) return record;
  record.kind = event->second;
  return has_counts(record) ? std::optional(record) : std::nullopt;
}

}  // namespace report
