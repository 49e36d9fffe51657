// The words that a victim is told its part in: WORD or WORD=VALUE, obeyed one after the other.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <type_traits>

// What a word does: a function of its value, or of nothing.
class Deed {
 public:
  template <class Function>
  Deed(Function function) {
    if constexpr (std::is_invocable_v<Function, const std::string&>)
      deed_ = function;
    else
      deed_ = [function](const std::string&) { function(); };
  }
  void operator()(const std::string& value) const { deed_(value); }

 private:
  std::function<void(const std::string& value)> deed_;
};

using Words = std::map<std::string, Deed>;

inline void obey(const Words& words, int argc, char* argv[]) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto name = word.substr(0, word.find('='));
    const auto found = words.find(name);
    if (found == words.end()) {
      std::fprintf(stderr, "%s: there is no word %s\n", argv[0], name.c_str());
      std::exit(2);
    }
    found->second(name.size() < word.size() ? word.substr(name.size() + 1) : "");
  }
}
