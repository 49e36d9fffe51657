// Feeds the report's reader with any bytes, in blocks of any size, and writes all its forms of them.
#include <algorithm>
#include <cstring>

#include "fuzz/must.h"
#include "report/results.h"
#include "report/source_lines.h"

namespace {

// A terminal, a parser of metrics and one of JSON see nothing but printable characters and newlines.
void must_be_printable(const std::string& text) {
  must(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace report;
  if (size < 2) return 0;
  Options options;
  options.by = static_cast<By>(data[0] % std::size(kByNames));
  const std::size_t block = data[1] * 64u + 1u;
  Tally tally(options.by);
  std::uint64_t sum = 0;
  Reader reader({}, [&](const Record& record) {
    tally.add(record);
    if (record.about != Event::runaway && record.about != Event::passed) add_saturated(sum, *record.count);
  });
  Stream stream;
  for (std::size_t at = 2; at < size; at += block) {
    const std::size_t part = std::min(block, size - at);
    std::memcpy(stream.lines.space().data(), data + at, part);
    reader.filled(stream, part);
  }
  reader.finish(stream);

  const std::string_view map(reinterpret_cast<const char*>(data), size);
  for (const auto& [address, name] : names_in(map, {1, 0x1000, ~std::uint64_t{0}}))
    must(!name.function.empty() || !name.source.empty() || map.find(' ') != map.npos);

  Results results{
      options, tally, reader.seen(), entries_of(tally), entries_of(tally.killed()), entries_of(tally.handled()),
      {},      {}};
  must(results.total() == sum);
  SourceLines("none", {}).look_up(results.entries);
  SourceLines("none", {}).look_up(results.killed);
  must_be_printable(as_folded(results));
  merge(results.entries);
  std::uint64_t shown = tally.others().count;
  for (const auto& entry : results.entries) add_saturated(shown, entry.count);
  must(shown == sum);
  must_be_printable(as_table(results, {80, false, false}));
  must_be_printable(as_json(results));
  must_be_printable(as_openmetrics(results));
  return 0;
}
