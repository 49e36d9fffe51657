#include "doctor/arguments.h"

#include <getopt.h>

#include <algorithm>
#include <deque>

#include "doctor/proc_file.h"

namespace doctor {

bool Arguments::has(char letter) const { return std::ranges::find(options, letter, &Option::letter) != options.end(); }

Arguments read_arguments(const Words& argv, const char* letters, std::string_view words) {
  std::deque<std::string> names;  // which stay where they are
  std::vector<option> longs;
  while (!words.empty()) {
    auto word = take_word(words);
    const char letter = word.substr(1, 1) == ":" ? word[0] : '.';
    if (letter != '.') word.remove_prefix(2);
    const int value = word.ends_with('=') ? required_argument : word.ends_with('?') ? optional_argument : no_argument;
    if (value != no_argument) word.remove_suffix(1);
    names.emplace_back(word);
    longs.push_back({names.back().c_str(), value, nullptr, letter});
  }
  longs.push_back({nullptr, 0, nullptr, 0});

  Words copies = argv;
  std::vector<char*> pointers;
  for (auto& word : copies) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const auto count = static_cast<int>(argv.size());
  Arguments read;
  opterr = 0;
  optind = 0;  // from the beginning
  for (int letter; (letter = getopt_long(count, pointers.data(), letters, longs.data(), nullptr)) != -1;) {
    read.options.push_back(
        {static_cast<char>(letter), optarg != nullptr ? optarg : "", static_cast<std::size_t>(optind)});
  }
  read.rest.assign(pointers.begin() + optind, pointers.end() - 1);
  return read;
}

}  // namespace doctor
