#include "doctor/starters.h"

#include <algorithm>
#include <string_view>

#include "doctor/proc_file.h"
#include "tools/display.h"

namespace doctor {
namespace {

using Words = std::vector<std::string>;

bool has(const Words& argv, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(argv.begin() + 1, argv.end(),
                             [&](const auto& argument) { return std::ranges::find(words, argument) != words.end(); });
}

// env(1): options, variables, and then a command.
class Env {
 public:
  explicit Env(Words argv) : argv_(std::move(argv)) {}

  Started run() {
    for (at_ = 1; at_ < argv_.size(); ++at_) {
      const auto word = argv_[at_];
      if (word == "--") continue;  // variables may follow
      if (word.starts_with("--"))
        take_long(word);
      else if (word.starts_with('-'))
        take_short(word);
      else if (word.find('=') == word.npos)
        return loses_ ? Started{"env", "leave LD_PRELOAD in the environment, or start nosigpipe behind env", {}}
                      : Started{"", "", {argv_.begin() + static_cast<std::ptrdiff_t>(at_), argv_.end()}};
      else
        loses_ |= word.starts_with("LD_PRELOAD=");
    }
    return {};
  }

 private:
  void take_long(const std::string& word) {
    const auto equals = word.find('=');
    const auto name = word.substr(2, equals - 2);
    if (name == "ignore-environment") loses_ = true;
    const bool has_value = name == "unset" || name == "chdir" || name == "split-string";
    if (has_value) take_value(name[0] == 's' ? 'S' : name[0], equals == word.npos ? next() : word.substr(equals + 1));
  }

  // Several letters, of which the last may have a value: in the same word or the next.
  void take_short(const std::string& word) {
    if (word == "-") loses_ = true;
    for (std::size_t i = 1; i < word.size(); ++i) {
      if (word[i] == 'i') loses_ = true;
      if (std::string_view("uCS").find(word[i]) == std::string_view::npos) continue;
      take_value(word[i], i + 1 < word.size() ? word.substr(i + 1) : next());
      break;
    }
  }

  std::string next() { return at_ + 1 < argv_.size() ? argv_[++at_] : ""; }

  void take_value(char option, std::string value) {
    if (option == 'u') loses_ |= value == "LD_PRELOAD";
    if (option != 'S') return;
    // Words that stand in its place, options among them.
    Words words;
    for (std::string_view rest(value); !rest.empty();)
      if (const auto word = take_word(rest); !word.empty()) words.emplace_back(word);
    argv_.insert(argv_.begin() + static_cast<std::ptrdiff_t>(std::min(at_ + 1, argv_.size())), words.begin(),
                 words.end());
  }

  Words argv_;
  std::size_t at_ = 0;
  bool loses_ = false;
};

}  // namespace

Started started_by(const Words& argv) {
  const auto name = tools::base_name(argv[0]);
  const auto lost = [&](const std::string& remedy) { return Started{name, remedy, {}}; };
  if (name == "env") return Env(argv).run();
  if (name == "sudo" || name == "doas" || name == "pkexec")
    return lost("start nosigpipe behind it: " + name + " nosigpipe COMMAND");
  if ((name == "su" || name == "runuser") && has(argv, {"-", "-l", "--login"}))
    return lost("start nosigpipe behind it, or leave the environment: " + name + " without -");
  if (name == "bwrap" && has(argv, {"--clearenv"}))
    return lost("hand it through: --setenv LD_PRELOAD, of a path that is there inside");
  if (name == "systemd-socket-activate" && !has(argv, {"LD_PRELOAD", "--setenv=LD_PRELOAD", "-ELD_PRELOAD"}))
    return lost("hand it through: -E LD_PRELOAD, and -E for each NOSIGPIPE_ variable");
  if (name == "systemd-run") return lost("the manager starts it: systemd-run -E LD_PRELOAD=... COMMAND");
  return {};
}

}  // namespace doctor
