// One record of the log, field by field, in one of its formats. A field that does not fit is left out whole. Safe in a
// signal handler: all is put together in the caller's memory.
#pragma once

#include <time.h>

#include "system/text.h"

// The names of the fields, and no others: fields.def is the one list of them.
namespace fields {
struct Name {
  char text[16];  // in place: a pointer would be work for the loader at each start
};
#define FIELD(name, how) inline constexpr Name name{#name};
#include "log/fields.def"
}  // namespace fields

namespace record {

// fields: journald's native ones, NOSIGPIPE_CALL=write and a newline each.
enum class Format { text, json, fields };

class Writer {
 public:
  // `kind` is what the record is about: averted, observed, passed, total, runaway.
  Writer(text::Line& line, Format format, const timespec& time, std::string_view kind);

  void word(const fields::Name& name, std::string_view value);    // of ours: written as it is
  void string(const fields::Name& name, std::string_view value);  // of the program or a peer: quoted and escaped
  void truth(const fields::Name& name, bool value);
  void hex(const fields::Name& name, std::uint64_t value);
  void bytes(const fields::Name& name, const unsigned char* value, std::size_t count);
  void number(const fields::Name& name, std::integral auto value) {
    field(name, "", [&] { line_ << value; });
  }

  // A list of what there is room for: each item is what `add(i, part)` puts together.
  class Part {
   public:
    explicit Part(Writer& record) : record_(record) {}
    void string(std::string_view value) { record_.line_.escaped(value, record_.escape(), ";"); }
    void offset(std::uint64_t value) { (record_.line_ << "+0x").hex(value); }
    void build_id(const unsigned char* bytes, std::size_t count) {
      record_.line_ << "@";
      record_.put_bytes(bytes, count);
    }

   private:
    Writer& record_;
  };
  template <class Add>
  void list(const fields::Name& name, unsigned count, Add add) {
    const bool json = format_ == Format::json;
    const std::string_view end = json ? "]" : quote();
    const auto before = line_.length();
    begin(name);
    line_ << (json ? "[" : quote());
    unsigned there = 0;
    for (Part part(*this); there < count; ++there) {
      const auto whole = line_.length();
      line_ << (there == 0 ? "" : json ? "," : ";") << mark();
      add(there, part);
      line_ << mark() << end;
      if (!line_.keep_whole(whole)) break;
      line_.cut(line_.length() - end.size());
    }
    line_ << end;
    if (there == 0) line_.cut(before);
  }

  // The record as it is to be written, with its newline.
  std::string_view ended() { return line_.ended(format_ == Format::json ? "}\n" : "\n"); }

 private:
  template <class Put>
  void field(const fields::Name& name, std::string_view around, Put put) {
    const auto before = line_.length();
    begin(name);
    line_ << around;
    put();
    line_ << around;
    line_.keep_whole(before);
  }
  void begin(const fields::Name& name);
  void put_bytes(const unsigned char* value, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) line_.hex(value[i], 2);
  }
  std::string_view escape() const { return format_ == Format::json ? "\\u00" : "\\x"; }
  std::string_view quote() const { return format_ == Format::fields ? "" : "\""; }  // around a string
  std::string_view mark() const { return format_ == Format::json ? "\"" : ""; }     // around a word

  text::Line& line_;
  Format format_;
};

}  // namespace record
