#include "report/reader.h"

#include <cstddef>

namespace report {

void Reader::use(const Record& record) {
  if (record_reader_.unknown()) {
    ++seen_.unknown;
  } else if (record.time < period_.since || record.time >= period_.until) {
    ++seen_.outside;
  } else {
    ++seen_.records;
    on_record_(record);
  }
}

void Reader::line(std::string_view line, bool ended) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::size_t at = find_record(line, 0);
  bool damaged = looks_torn(line.substr(0, at));
  if (at == line.npos) {
    ++(damaged ? seen_.damaged : seen_.foreign);
    return;
  }
  // Where the end of one record is missing, the next may stand in the same line.
  for (; at != line.npos; at = find_record(line, at)) {
    if (const auto record = record_reader_.read(line, at, ended))
      use(*record);
    else
      damaged = true;
  }
  if (damaged) ++seen_.damaged;
}

void Reader::filled(Stream& stream, std::size_t bytes) {
  const auto on_line = [this](std::string_view text, bool ended) { line(text, ended); };
  stream.lines.filled(
      bytes, [&](std::string_view text, bool ended) { stream.container.line(text, ended, on_line); },
      [this] { too_long(); });
}

void Reader::finish(Stream& stream) {
  const auto on_line = [this](std::string_view text, bool ended) { line(text, ended); };
  stream.lines.finish([&](std::string_view text, bool ended) { stream.container.line(text, ended, on_line); });
  stream.container.finish(on_line);
}

}  // namespace report
