#include "report/scan.h"

#include <algorithm>
#include <limits>

namespace report::scan {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The number that these many hexadecimal digits make, or -1.
int hex_number(std::string_view text, std::size_t digits) {
  if (text.size() < digits) return -1;
  int number = 0;
  for (const char c : text.substr(0, digits)) {
    const int digit = hex_digit(c);
    if (digit < 0) return -1;
    number = number * 16 + digit;
  }
  return number;
}

// The log writes \u00NN for one byte; what another program wrote above that is taken as UTF-8.
void append_code(std::string& room, int code) {
  if (code < 0x100) {
    room += static_cast<char>(code);
  } else if (code < 0x800) {
    room += static_cast<char>(0xc0 | code >> 6);
    room += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    room += static_cast<char>(0xe0 | code >> 12);
    room += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    room += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// Appends what the escape at the front of the text means, behind its backslash; its length, or 0 where there is none.
std::size_t append_escape(std::string& room, std::string_view text, bool json) {
  if (text.empty()) return 0;
  if (!json || text[0] == 'u') {
    const std::size_t digits = json ? 4 : 2;
    const int code = text[0] == (json ? 'u' : 'x') ? hex_number(text.substr(1), digits) : -1;
    if (code <= 0) return 0;  // there is no NUL in any text of the log
    append_code(room, code);
    return 1 + digits;
  }
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  const auto which = kEscapes.find(text[0]);
  if (which == kEscapes.npos) return 0;
  room += "\"\\/\b\f\n\r\t"[which];
  return 1;
}

}  // namespace

std::string_view Scanner::word() {
  std::size_t length = 0;
  while (length < rest_.size() && ((rest_[length] >= 'a' && rest_[length] <= 'z') || rest_[length] == '_' ||
                                   (rest_[length] >= '0' && rest_[length] <= '9')))
    ++length;
  const auto word = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return word;
}

// Up to the closing quote, which in text is the next one, since there a quote inside is \x22.
bool Scanner::quoted(std::string_view& raw, bool& escaped) {
  if (!take('"')) return false;
  escaped = false;
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    const char c = rest_[i];
    if (c == '"') {
      raw = rest_.substr(0, i);
      rest_.remove_prefix(i + 1);
      return true;
    }
    if (c == '\0') return false;
    if (c != '\\') continue;
    escaped = true;
    if (json_) ++i;
  }
  return false;
}

// A copy with NUL for the separator.
std::string_view Scanner::copied(std::string_view raw, char separator) {
  const std::size_t begin = room_.size();
  room_.append(raw);
  std::replace(room_.begin() + static_cast<std::ptrdiff_t>(begin), room_.end(), separator, '\0');
  return std::string_view(room_).substr(begin);
}

bool Scanner::unescape(std::string_view raw, char separator, std::string_view& out) {
  const std::size_t begin = room_.size();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      room_ += raw[i] == separator ? '\0' : raw[i];
      continue;
    }
    const std::size_t length = append_escape(room_, raw.substr(i + 1), json_);
    if (length == 0) return false;
    i += length;
  }
  out = std::string_view(room_).substr(begin);
  return true;
}

bool Scanner::bare(std::string_view& out) {
  std::size_t length = 0;
  while (length < rest_.size() && rest_[length] > ' ' && rest_[length] <= '~' && rest_[length] != '"') ++length;
  out = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return length > 0;
}

bool Scanner::text(std::string_view& out) {
  if (!json_ && !rest_.empty() && rest_.front() != '"') return bare(out);
  bool escaped = false;
  return quoted(out, escaped) && (!escaped || unescape(out, '\0', out));
}

bool Scanner::number(std::uint64_t& out, unsigned base) {
  const bool in_quotes = json_ && take('"');
  if (base == 16) {
    if (!rest_.starts_with("0x")) return false;
    skip(2);
  }
  out = 0;
  std::size_t digits = 0;
  for (; digits < rest_.size(); ++digits) {
    const int digit = hex_digit(rest_[digits]);
    if (digit < 0 || digit >= static_cast<int>(base)) break;
    if (__builtin_mul_overflow(out, base, &out) || __builtin_add_overflow(out, static_cast<unsigned>(digit), &out))
      out = std::numeric_limits<std::uint64_t>::max();
  }
  skip(digits);
  return digits > 0 && (!in_quotes || take('"'));
}

// JSON: ["a","b"].
bool Scanner::list(std::string_view& out) {
  if (!take('[')) return false;
  const std::size_t begin = room_.size();
  blanks();
  if (take(']')) return true;
  do {
    blanks();
    std::string_view frame;
    bool escaped = false;
    if (!quoted(frame, escaped) || (escaped && !unescape(frame, '\0', frame))) return false;
    if (!escaped) copied(frame, '\0');
    room_ += '\0';
    blanks();
  } while (take(','));
  if (!take(']')) return false;
  out = std::string_view(room_).substr(begin, room_.size() - begin - 1);
  return true;
}

bool Scanner::frames(std::string_view& out) {
  if (json_) return list(out);
  bool escaped = false;
  if (!quoted(out, escaped)) return false;
  if (escaped) return unescape(out, ';', out);
  out = copied(out, ';');
  return true;
}

bool Scanner::skip_value() {
  std::string_view ignored;
  bool escaped = false;
  if (rest_.starts_with('"')) return quoted(ignored, escaped);
  if (!json_) return bare(ignored);
  if (rest_.starts_with('[')) return list(ignored);
  std::size_t length = 0;
  while (length < rest_.size() && rest_[length] > ' ' && rest_[length] != ',' && rest_[length] != '}') ++length;
  skip(length);
  return length > 0;
}

}  // namespace report::scan
