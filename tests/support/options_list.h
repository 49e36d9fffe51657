// The options as shim/options.def lists them.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

struct Option {
  struct Value {
    std::string word;
    std::string help;
  };
  std::string variable;       // NOSIGPIPE_LOG
  std::string name;           // as the launcher spells it: log, runaway-after
  std::string help;           // what it decides
  std::vector<Value> values;  // the first is the default; none where it is a number
  std::string range;          // of a number: 0..32
  std::string number;         // the default of a number
  std::string member;         // of struct Options

  std::string fallback() const { return values.empty() ? number : values[0].word; }

  // As --help and warnings name them: auto|mask|catch|hooks, or 0..32.
  std::string words() const {
    std::string all = range;
    for (const auto& value : values) all += (all.empty() ? "" : "|") + value.word;
    return all;
  }
};

inline std::string with_dashes(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

inline const std::vector<Option> options = {
#define VALUE(enumerator, word, help) Option::Value{word, help},
#define CHOICE(NAME, name, Type, what, values) {"NOSIGPIPE_" #NAME, with_dashes(#name), what, {values}, "", "", #name},
#define NUMBER(NAME, name, fallback, lowest, highest, help) \
  {"NOSIGPIPE_" #NAME, with_dashes(#name), help, {}, #lowest ".." #highest, #fallback, #name},
#include "options.def"
};
