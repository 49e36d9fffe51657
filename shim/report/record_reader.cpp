#include "report/record_reader.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "report/field_reader.h"
#include "report/parse.h"
#include "report/scanner.h"

namespace report {
namespace {

constexpr std::string_view kText = "nosigpipe: ";
constexpr std::string_view kJson = R"({"time":)";

constexpr std::pair<std::string_view, Event> kEvents[] = {{"averted", Event::averted},
                                                          {"observed", Event::observed},
                                                          {"total", Event::total},
                                                          {"passed", Event::passed},
                                                          {"runaway", Event::runaway}};

// Reads fields until there are no more. False where one is damaged.
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
  if (record.about == Event::runaway) return record.fd.has_value();
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
  record.about = event->second;
  return has_counts(record) ? std::optional(record) : std::nullopt;
}

}  // namespace report
