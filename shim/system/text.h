// A line of text of fixed size, built without heap or stdio. What does not fit is left out; the newline always fits.
// Safe in a signal handler.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace text {

// substr, which would throw.
constexpr std::string_view part(std::string_view words, std::size_t at, std::size_t count = std::string_view::npos) {
  if (at > words.size()) at = words.size();
  return {words.data() + at, count < words.size() - at ? count : words.size() - at};
}

// starts_with, which calls it.
constexpr bool begins(std::string_view words, std::string_view with) { return part(words, 0, with.size()) == with; }

// The same without looking for the end of the words.
constexpr bool begins(const char* words, std::string_view with) {
  for (const char c : with)
    if (*words++ != c) return false;
  return true;
}

// The hexadecimal number that the words begin with, which is taken off them together with what ends it.
inline std::uint64_t take_hex(std::string_view& words) {
  std::uint64_t value = 0;
  while (!words.empty()) {
    const char c = words.front();
    words.remove_prefix(1);
    if (c >= '0' && c <= '9')
      value = value * 16 + static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f')
      value = value * 16 + static_cast<unsigned>(c - 'a' + 10);
    else
      break;
  }
  return value;
}

// As much of the words as there is room for, and a NUL.
template <std::size_t kSize>
void copy(char (&room)[kSize], std::string_view words) {
  std::size_t length = 0;
  for (; length < words.size() && length < kSize - 1; ++length) room[length] = words[length];
  room[length] = '\0';
}

class Line {
 public:
  Line(char* room, std::size_t size) : room_(room), size_(size) {}

  Line& operator<<(std::string_view words) {
    for (const char c : words) put(c);
    return *this;
  }

  Line& operator<<(std::integral auto value) {
    const bool negative = value < 0;
    auto rest = static_cast<std::uint64_t>(value);
    if (negative) put('-');
    return digits(negative ? 0 - rest : rest, 10, 1);
  }

  Line& hex(std::uint64_t value, unsigned width = 1) { return digits(value, 16, width); }
  Line& padded(std::uint64_t value, unsigned width) { return digits(value, 10, width); }

  // With everything that could end a quoted string, the line or the terminal's patience, and what is in `more`, as two
  // hexadecimal digits behind `escape`.
  Line& escaped(std::string_view words, std::string_view escape = "\\x", std::string_view more = "") {
    for (const char c : words) {
      if (c >= ' ' && c <= '~' && c != '"' && c != '\\' && more.find(c) == more.npos)
        put(c);
      else
        (*this << escape).hex(static_cast<unsigned char>(c), 2);
    }
    return *this;
  }

  Line& quoted(std::string_view words) { return (*this << "\"").escaped(words) << "\""; }

  // What has been put since `length` was the line's is taken away again if it did not fit. True if it did.
  bool keep_whole(std::size_t length) {
    if (!overflown_) return true;
    cut(length);
    return false;
  }

  void cut(std::size_t length) {
    length_ = length;
    overflown_ = false;
  }

  std::size_t length() const { return length_; }
  std::string_view words() const { return {room_, length_}; }

  // With what ends it, which has its place kept free: two characters at most.
  std::string_view ended(std::string_view end = "\n") {
    for (std::size_t i = 0; i < end.size(); ++i) room_[length_ + i] = end[i];
    return {room_, length_ + end.size()};
  }

 private:
  static constexpr std::size_t kEnd = 2;

  void put(char c) {
    if (length_ + kEnd < size_)
      room_[length_++] = c;
    else
      overflown_ = true;
  }

  Line& digits(std::uint64_t value, unsigned base, unsigned width) {
    char reversed[24];
    unsigned count = 0;
    for (; value != 0 || count < width; value /= base) reversed[count++] = "0123456789abcdef"[value % base];
    while (count > 0) put(reversed[--count]);
    return *this;
  }

  char* room_;
  std::size_t size_;
  std::size_t length_ = 0;
  bool overflown_ = false;
};

// One that brings its room along.
template <std::size_t kSize>
class Sized : public Line {
 public:
  Sized() : Line(room_, kSize) {}
  Sized(const Sized&) = delete;
  Sized& operator=(const Sized&) = delete;

 private:
  char room_[kSize];
};

// Copies that stay, as long as there is room. From any thread.
template <std::size_t kSize>
class Kept {
 public:
  // Empty where there is none.
  std::string_view keep(std::string_view words) {
    const auto size = static_cast<unsigned>(words.size());
    if (words.size() > kSize || length_.load() + size > kSize) return {};
    const auto at = length_.fetch_add(size);
    if (at + size > kSize) return {};
    for (unsigned i = 0; i < size; ++i) room_[at + i] = words[i];
    return {room_ + at, size};
  }

 private:
  char room_[kSize] = {};
  std::atomic<unsigned> length_ = 0;
};

}  // namespace text
