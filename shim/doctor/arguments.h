// The options of a command line as getopt_long(3) reads them: abbreviated, several letters in one word, with a value in
// the same word or the next.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace doctor {

using Words = std::vector<std::string>;

struct Arguments {
  struct Option {
    char letter;  // of a long one that of its entry; ? for one that is not known, or has not got its value
    std::string value;
    std::size_t end;  // which word comes behind it, where none has been put in another place
  };
  std::vector<Option> options;
  Words rest;  // what is no option

  bool has(char letter) const;
};

// The letters as for getopt(3): with + in front what is behind the first that is no option is none either. Long ones
// with blanks between them: "name", "name=" with a value, "name?" with one that may be missing; "E:setenv=" has the
// letter E, one that nobody asks for needs none.
Arguments read_arguments(const Words& argv, const char* letters, std::string_view words);

}  // namespace doctor
