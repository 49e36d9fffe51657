#include "report/record_reader.h"

#include <utility>

#include "report/scan.h"

namespace report {
namespace {

constexpr std::string_view kText = "nosigpipe: ";
constexpr std::string_view kJson = R"({"time":)";

constexpr std::string_view kNames[] = {
#define FIELD(name, how) #name,
#include "log/fields.def"
#undef FIELD
};

enum Field : std::size_t {
#define FIELD(name, how) name##_field,
#include "log/fields.def"
#undef FIELD
  kNone
};

// Reads values into a record. The log writes its fields in one order, so the search for a name goes on behind the last.
class Filler {
 public:
  Filler(Record& record, scan::Scanner& scanner) : record_(record), scanner_(scanner) {}

  bool fill(std::string_view name) {
    switch (find(name)) {
#define FIELD(field, how) \
  case field##_field:     \
    return read_##how(record_.field, field##_field);
#include "log/fields.def"
#undef FIELD
      default:
        return scanner_.skip_value();
    }
  }

  // Where damage is met the next record may have begun in the field before.
  void mark() { before_ = std::exchange(last_, scanner_.rest()); }
  void back() {
    if (before_.data() != nullptr) scanner_.rest() = before_;
  }

 private:
  std::size_t find(std::string_view name) {
    for (std::size_t tried = 0; tried < kNone; ++tried) {
      const std::size_t at = next_;
      next_ = next_ + 1 == kNone ? 0 : next_ + 1;
      if (kNames[at] == name) return at;
    }
    return kNone;
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

  static_assert(kNone <= 64);
  Record& record_;
  scan::Scanner& scanner_;
  std::string_view last_, before_;  // the line from the last field on, and from the one before it
  std::size_t next_ = 0;
  std::uint64_t seen_ = 0;
};

// Reads fields until one is damaged or there are no more.
bool read_text_fields(scan::Scanner& scanner, Filler& filler) {
  while (scanner.take(' ')) {
    if (scanner.at_end()) return true;
    filler.mark();
    const auto name = scanner.word();
    if (name.empty() || !scanner.take('=') || !filler.fill(name)) return false;
    if (!scanner.at_end() && scanner.next() != ' ') return false;
  }
  return scanner.at_end();
}

bool read_json_fields(scan::Scanner& scanner, Filler& filler) {
  for (scanner.blanks(); scanner.take(','); scanner.blanks()) {
    scanner.blanks();
    filler.mark();
    std::string_view name;
    if (!scanner.text(name)) return false;
    scanner.blanks();
    if (!scanner.take(':')) return false;
    scanner.blanks();
    if (!filler.fill(name)) return false;
  }
  return scanner.take('}');
}

bool read_time(scan::Scanner& scanner, bool json, Record& record) {
  std::string_view written;
  scanner.skip(json ? kJson.size() : kText.size());
  if (json) {
    scanner.blanks();
    if (!scanner.text(written)) return false;
  }
  const auto time = take_moment(json ? written : scanner.rest());
  record.time = time.value_or(0);
  return time && written.empty();
}

bool read_record(scan::Scanner& scanner, bool json, Record& record) {
  const auto behind_mark = scanner.rest().substr((json ? kJson : kText).size());
  if (!read_time(scanner, json, record)) {
    scanner.rest() = behind_mark;
    return false;
  }
  Filler filler(record, scanner);
  if (json ? read_json_fields(scanner, filler) : read_text_fields(scanner, filler)) return true;
  filler.back();
  return false;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The counts, without which the line says nothing.
bool is_whole(const Record& record) {
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

std::optional<Record> Parser::parse(std::string_view line, std::size_t& at, bool ended) {
  room_.clear();
  room_.reserve(line.size());  // unescaping makes no text longer, so the room never moves
  unknown_ = false;
  const bool json = line[at] == '{';
  scan::Scanner scanner(line.substr(at), json, room_);
  Record record;
  const bool sound = read_record(scanner, json, record) && (json || ended);
  at = line.size() - scanner.rest().size();
  if (!sound || record.event.empty()) return {};
  constexpr std::string_view kEvents[] = {"averted", "observed", "total", "runaway"};
  for (std::size_t i = 0; i < std::size(kEvents); ++i) {
    if (record.event != kEvents[i]) continue;
    record.kind = static_cast<Event>(i);
    return is_whole(record) ? std::optional(record) : std::nullopt;
  }
  unknown_ = true;
  return record;
}

}  // namespace report
