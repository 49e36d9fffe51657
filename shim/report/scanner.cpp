#include "report/scanner.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

#include "report/parse.h"

namespace report {
namespace {

// The log writes \u00NN for one byte; what another program wrote above that is taken as UTF-8.
void append_code(std::string& buffer, unsigned code) {
  if (code < 0x100) {
    buffer += static_cast<char>(code);
  } else if (code < 0x800) {
    buffer += static_cast<char>(0xc0 | code >> 6);
    buffer += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    buffer += static_cast<char>(0xe0 | code >> 12);
    buffer += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    buffer += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// Appends what the escape at the front of the text means, behind its backslash; its length, or 0 where there is none.
std::size_t append_escape(std::string& buffer, std::string_view text, bool json) {
  if (text.empty()) return 0;
  if (!json || text[0] == 'u') {
    const std::size_t digits = json ? 4 : 2;
    if (!take(text, json ? 'u' : 'x')) return 0;
    const auto code = take_digits(text, digits, 16);
    if (code.value_or(0) == 0) return 0;  // there is no NUL in any text of the log
    append_code(buffer, *code);
    return 1 + digits;
  }
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  const auto which = kEscapes.find(text[0]);
  if (which == kEscapes.npos) return 0;
  buffer += "\"\\/\b\f\n\r\t"[which];
  return 1;
}

}  // namespace

std::string_view Scanner::word() {
  const auto in_word = [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || is_digit(c); };
  const auto length = std::ranges::find_if_not(rest_, in_word) - rest_.begin();
  const auto word = rest_.substr(0, static_cast<std::size_t>(length));
  skip(word.size());
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
  const std::size_t begin = buffer_.size();
  buffer_.append(raw);
  std::replace(buffer_.begin() + static_cast<std::ptrdiff_t>(begin), buffer_.end(), separator, '\0');
  return std::string_view(buffer_).substr(begin);
}

bool Scanner::unescape(std::string_view raw, char separator, std::string_view& out) {
  const std::size_t begin = buffer_.size();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      buffer_ += raw[i] == separator ? '\0' : raw[i];
      continue;
    }
    const std::size_t length = append_escape(buffer_, raw.substr(i + 1), json_);
    if (length == 0) return false;
    i += length;
  }
  out = std::string_view(buffer_).substr(begin);
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

bool Scanner::number(std::uint64_t& out, int base) {
  const bool in_quotes = json_ && take('"');
  if (base == 16) {
    if (!rest_.starts_with("0x")) return false;
    skip(2);
  }
  const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out, base);
  if (error == std::errc::invalid_argument) return false;
  if (error == std::errc::result_out_of_range) out = std::numeric_limits<std::uint64_t>::max();
  skip(static_cast<std::size_t>(end - rest_.data()));
  return !in_quotes || take('"');
}

// JSON: ["a","b"].
bool Scanner::list(std::string_view& out) {
  if (!take('[')) return false;
  const std::size_t begin = buffer_.size();
  skip_blanks();
  if (take(']')) return true;
  do {
    skip_blanks();
    std::string_view frame;
    bool escaped = false;
    if (!quoted(frame, escaped) || (escaped && !unescape(frame, '\0', frame))) return false;
    if (!escaped) copied(frame, '\0');
    buffer_ += '\0';
    skip_blanks();
  } while (take(','));
  if (!take(']')) return false;
  out = std::string_view(buffer_).substr(begin, buffer_.size() - begin - 1);
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

}  // namespace report
