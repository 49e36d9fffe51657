// Builds a record out of any fields in a line of any length: the report reads back what has been written, field by
// field, whatever was left out for want of room.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "fuzz/must.h"
#include "log/record_writer.h"
#include "report/record_reader.h"

namespace {

class Bytes {
 public:
  Bytes(const unsigned char* data, std::size_t size) : at_(data), end_(data + size) {}
  bool any() const { return at_ < end_; }
  unsigned number() { return any() ? *at_++ : 0; }
  std::string text() {
    const std::size_t wanted = number() * (number() + 1UL);
    const auto length = std::min(wanted, static_cast<std::size_t>(end_ - at_));
    std::string words(reinterpret_cast<const char*>(at_), length);
    at_ += length;
    std::erase(words, '\0');  // no text of the log has one
    return words;
  }

 private:
  const unsigned char* at_;
  const unsigned char* end_;
};

struct Frame {
  std::string module;
  unsigned offset;
};

struct Fields {
  unsigned count, kills, offset;
  bool would_kill;
  std::string thread, exe, peer, module, symbol, path, sender;
  std::vector<Frame> stack;
};

void put(record::Writer& record, const Fields& from) {
  record.number(fields::count, from.count);
  record.number(fields::kills, from.kills);
  record.truth(fields::would_kill, from.would_kill);
  record.word(fields::call, "write");
  record.word(fields::kind, "fifo");
  record.string(fields::path, from.path);
  record.string(fields::sender, from.sender);
  record.string(fields::thread, from.thread);
  record.string(fields::exe, from.exe);
  record.string(fields::peer, from.peer);
  record.string(fields::module, from.module);
  record.hex(fields::offset, from.offset);
  record.string(fields::symbol, from.symbol);
  record.list(fields::stack, static_cast<unsigned>(from.stack.size()), [&](unsigned i, record::Writer::Part& part) {
    part.string(from.stack[i].module);
    part.offset(from.stack[i].offset);
  });
}

// Left out whole, or there whole.
void must_be(std::string_view read, const std::string& written) { must(read.empty() || read == written); }

void must_read_back(std::string_view line, const Fields& fields) {
  report::RecordReader reader;
  std::size_t at = report::find_record(line, 0);
  must(at == 0);
  const auto read = reader.read(line, at, true);
  must(read.has_value());
  must(read->count == fields.count && read->kills == fields.kills);
  must_be(read->thread, fields.thread);
  must_be(read->exe, fields.exe);
  must_be(read->peer, fields.peer);
  must_be(read->module, fields.module);
  must_be(read->symbol, fields.symbol);
  must_be(read->path, fields.path);
  must_be(read->sender, fields.sender);
  must(!read->offset || *read->offset == fields.offset);
  std::string frames;
  for (const auto& frame : fields.stack) {
    char offset[16];
    snprintf(offset, sizeof offset, "+0x%x", frame.offset);
    frames += (frames.empty() ? "" : std::string(1, '\0')) + frame.module + offset;
  }
  must(frames.starts_with(read->stack));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  Bytes bytes(data, size);
  const auto format = static_cast<record::Format>(bytes.number() % 3);
  const std::size_t room = 256 + bytes.number() * 16U;
  Fields fields{bytes.number(), bytes.number(), bytes.number() << 8, bytes.number() % 2 == 1,
                bytes.text(),   bytes.text(),   bytes.text(),        bytes.text(),
                bytes.text(),   bytes.text(),   bytes.text(),        {}};
  fields.kills = std::min(fields.kills, fields.count);
  while (bytes.any() && fields.stack.size() < 32) {
    auto module = bytes.text();
    fields.stack.push_back({std::move(module), bytes.number()});
  }

  std::vector<char> memory(room);
  text::Line line(memory.data(), memory.size());
  record::Writer record(line, format, {1'800'000'000 + static_cast<time_t>(fields.count), 7'000}, "averted");
  put(record, fields);
  const auto written = record.ended();
  must(written.size() <= room && written.back() == '\n');
  for (const char c : written.substr(0, written.size() - 1))
    must((c >= ' ' && c <= '~') || (c == '\n' && format == record::Format::fields));
  if (format != record::Format::fields) must_read_back(written.substr(0, written.size() - 1), fields);
  return 0;
}
