#include "doctor/env.h"

#include "doctor/library.h"
#include "doctor/proc_file.h"

namespace doctor {
namespace {

constexpr std::string_view kBlanks = " \t\n\v\f\r";

// The words of env -S, in which a quote may stand for a word or a part of it. Nothing where there is more: escapes,
// variables, a comment.
std::optional<Words> split(const std::string& text) {
  if (text.find_first_of("\\$#") != text.npos) return {};
  Words words;
  bool is_in_word = false;
  char quote = '\0';
  for (const char c : text) {
    const bool is_blank = quote == '\0' && kBlanks.find(c) != kBlanks.npos;
    if (!is_blank && !is_in_word) words.emplace_back();
    is_in_word = !is_blank;
    if (quote == '\0' && (c == '\'' || c == '"'))
      quote = c;
    else if (c == quote)
      quote = '\0';
    else if (!is_blank)
      words.back() += c;
  }
  if (quote != '\0') return {};
  return words;
}

}  // namespace

Started by_env(const std::string& name, const Words& given) {
  Words argv = given;
  Started started;
  bool loses = false;
  const auto unset = [&](bool all, const std::string& variable) {
    loses |= all || variable == "LD_PRELOAD";
    if (all || variable == "PATH") started.path = "/bin:/usr/bin";  // execvp(3)'s own
  };
  Words rest;
  for (bool is_split = true; is_split;) {
    is_split = false;
    const auto read =
        read_arguments(argv, "+0a:iu:C:S:v",
                       "i:ignore-environment u:unset= C:chdir= S:split-string= argv0= null debug block-signal? "
                       "default-signal? ignore-signal? list-signal-handling help version");
    rest = read.rest;
    for (const auto& [letter, value, end] : read.options) {
      if (letter == '?') return not_understood(name);
      if (letter == 'i' || letter == 'u') unset(letter == 'i', value);
      if (letter == 'C') started.directory = value;
      if (letter != 'S') continue;
      auto words = split(value);  // that stand in its place, options among them
      if (!words) return not_understood(name);
      words->insert(words->begin(), argv[0]);
      words->insert(words->end(), argv.begin() + static_cast<std::ptrdiff_t>(end), argv.end());
      argv = *words;
      is_split = true;
      break;
    }
  }
  auto word = rest.begin();
  if (word != rest.end() && *word == "-") unset(true, *word++);
  for (; word != rest.end() && word->find('=') != word->npos; ++word) {
    std::string_view value(*word);
    const auto variable = take_until(value, '=');
    if (variable == "LD_PRELOAD") loses = !names_ours(value), started.preload = value;
    if (variable == "PATH") started.path = value;
  }
  started.argv.assign(word, rest.end());
  if (loses && !started.argv.empty()) {
    started.lost_in = name;
    started.remedy = "leave LD_PRELOAD in the environment, or start nosigpipe behind env";
  }
  return started;
}

}  // namespace doctor
