// What the value of an option may be, by the list in options.def.
#pragma once

#include <cstddef>
#include <string_view>

#include "system/text.h"

namespace options {

struct Option {
  const char* name;         // of the variable
  std::string_view values;  // separated by |: words, "syslog:PATH", or a range as "0..32"
  std::string_view fallback;
};

constexpr Option choice_of(const char* name, std::string_view values) {
  return {name, values, text::part(values, 0, values.find('|'))};
}

// Each value comes with a | before it.
constexpr Option kAll[] = {
#define VALUE(enumerator, word, help) "|" word
#define CHOICE(NAME, name, Type, what, values) choice_of("NOSIGPIPE_" #NAME, &(values)[1]),
#define NUMBER(NAME, name, fallback, lowest, highest, help) {"NOSIGPIPE_" #NAME, #lowest ".." #highest, #fallback},
#include "options.def"
};

constexpr int kInvalid = -1;
constexpr std::size_t kLongestPath = 4096;

// -1: it is none, or more than any limit is.
constexpr int number_in(std::string_view text) {
  int number = text.empty() ? -1 : 0;
  for (const char c : text)
    number = number < 0 || number >= 100'000'000 || c < '0' || c > '9' ? -1 : number * 10 + (c - '0');
  return number;
}

constexpr bool is_path(std::string_view value) { return value.find('/') != value.npos && value.size() < kLongestPath; }

// A kind is a word, a range of numbers ("0..32"), PATH, or a word and a path ("syslog:PATH").
constexpr bool is_a(std::string_view kind, std::string_view value) {
  if (const auto dots = kind.find(".."); dots != kind.npos) {
    const int number = number_in(value);
    return number >= number_in(text::part(kind, 0, dots)) && number <= number_in(text::part(kind, dots + 2));
  }
  const auto path = kind.find("PATH");
  if (path == kind.npos) return kind == value;
  kind = text::part(kind, 0, path);
  return text::begins(value, kind) && is_path(text::part(value, kind.size()));
}

// The place of a value among the valid ones.
constexpr int place(const Option& option, std::string_view value) {
  std::string_view rest = option.values;
  for (int index = 0;; ++index) {
    const auto end = rest.find('|') < rest.size() ? rest.find('|') : rest.size();
    if (is_a({rest.data(), end}, value)) return index;
    if (end == rest.size()) return kInvalid;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace options
