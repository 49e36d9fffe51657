// Sets one NOSIGPIPE_ variable, or the machine's file, to any bytes: a value is valid or the default, and what is said
// about the variable is one line, about the file nothing.
#include <cstring>
#include <string>

#include "fuzz/must.h"

// The file is the fuzzer's.
#define read read_from_disk
#include "system/machine_file.cpp"
#undef read
namespace machine_file {
std::string_view file;
std::string_view read(char (&)[kMost]) { return file; }
}  // namespace machine_file

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
  const auto which = data[0] % (std::size(names) + 1);
  const bool is_file = which == std::size(names);
  const std::string value(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (!is_file && value.find('\0') != value.npos) return 0;  // the environment cannot hold it
  machine_file::file = is_file ? std::string_view(value) : std::string_view();
  if (!is_file) setenv(names[which], value.c_str(), 1);

  options::known.store(false);
  const Options& options = options::get();
  must(all_are_of_the_list(options));
  must(strnlen(options.log_path, 4096) < 4096);
  must((options.log_path[0] != '\0') == (options.log >= Log::syslog) || is_file);  // a file may hold a NUL

  lines_said = 0;
  options::each_mistake(hear);
  must(lines_said <= (is_file ? 0 : 1));
  if (!is_file) unsetenv(names[which]);
  return 0;
}
