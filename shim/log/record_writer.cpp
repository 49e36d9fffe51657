#include "log/record_writer.h"

#include "log/timestamp.h"

namespace record {

Writer::Writer(text::Line& line, Format format, const timespec& time, std::string_view kind)
    : line_(line), format_(format) {
  if (format_ != Format::fields) {  // journald keeps the time itself
    line_ << (format_ == Format::json ? "{\"time\":\"" : "nosigpipe: ");
    timestamp::add(line_, time);
    if (format_ == Format::json) line_ << "\"";
  }
  word(fields::event, kind);
}

void Writer::begin(const fields::Name& name) {
  switch (format_) {
    case Format::text:
      line_ << " " << name.text << "=";
      break;
    case Format::json:
      line_ << ",\"" << name.text << "\":";
      break;
    case Format::fields:
      line_ << "\nNOSIGPIPE_";
      for (const char c : std::string_view(name.text))
        line_ << std::string_view(&(c >= 'a' && c <= 'z' ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[c - 'a'] : c), 1);
      line_ << "=";
  }
}

void Writer::word(const fields::Name& name, std::string_view value) {
  field(name, mark(), [&] { line_ << value; });
}

void Writer::string(const fields::Name& name, std::string_view value) {
  field(name, quote(), [&] { line_.escaped(value, escape()); });
}

void Writer::truth(const fields::Name& name, bool value) {
  if (format_ != Format::json) return word(name, value ? "yes" : "no");
  field(name, "", [&] { line_ << (value ? "true" : "false"); });
}

void Writer::hex(const fields::Name& name, std::uint64_t value) {
  field(name, mark(), [&] { (line_ << "0x").hex(value); });
}

void Writer::bytes(const fields::Name& name, const unsigned char* value, std::size_t count) {
  field(name, mark(), [&] { put_bytes(value, count); });
}

}  // namespace record
