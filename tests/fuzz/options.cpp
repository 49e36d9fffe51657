// Sets one NOSIGPIPE_ variable to any bytes: a value is valid or the default, and what is said about it is one line.
#include <cstring>
#include <string>

#include "fuzz/must.h"
#include "system/options.cpp"

namespace {

unsigned lines_said = 0;
void hear(text::Line& line) {
  const auto words = line.ended();
  ++lines_said;
  must(words.back() == '\n' && words.size() <= 1024);
  for (const char c : words.substr(0, words.size() - 1)) must(c >= ' ' && c <= '~');
}

bool all_are_of_the_list(const Options& options) {
  bool all = true;
#define VALUE(enumerator, word, help) || option == Option::enumerator
#define CHOICE(NAME, name, Type, what, values) \
  {                                            \
    using Option = Type;                       \
    const auto option = options.name;          \
    all = all && (false values);               \
  }
#define NUMBER(NAME, name, fallback, lowest, highest, help) \
  all = all && options.name + 0ULL >= lowest && options.name + 0ULL <= highest;
#include "options.def"
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const char* const names[] = {
#define VALUE(enumerator, word, help)
#define CHOICE(NAME, ...) "NOSIGPIPE_" #NAME,
#define NUMBER CHOICE
#include "options.def"
  };
  if (size < 1) return 0;
  const char* name = names[data[0] % std::size(names)];
  const std::string value(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (value.find('\0') != value.npos) return 0;  // the environment cannot hold it
  setenv(name, value.c_str(), 1);

  options::known.store(false);
  const Options& options = options::get();
  must(all_are_of_the_list(options));
  must(strnlen(options.log_path, 4096) < 4096);
  must((options.log_path[0] != '\0') == (options.log >= Log::syslog));

  lines_said = 0;
  options::each_mistake(hear);
  must(lines_said <= 1);
  unsetenv(name);
  return 0;
}
