#include "options.h"

#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

namespace options {
namespace {

struct Option {
  const char* name;      // of the variable
  const char* fallback;  // the default
  const char* values;    // separated by |; a word in capitals is any value of its kind
};

#define OPTION(NAME, name, fallback, values, help) constexpr Option name{"NOSIGPIPE_" #NAME, fallback, values};
#include "options.def"
#undef OPTION

constexpr int kInvalid = -1;

// 1 to UINT_MAX, 0 for anything else.
unsigned count_in(std::string_view value) {
  unsigned count = 0;
  for (const char c : value)
    if (c < '0' || c > '9' || __builtin_mul_overflow(count, 10U, &count) ||
        __builtin_add_overflow(count, static_cast<unsigned>(c - '0'), &count))
      return 0;
  return count;
}

bool is_a(std::string_view kind, std::string_view value) {
  if (kind == "COUNT") return count_in(value) != 0;
  if (kind == "PATH") return value.find('/') != value.npos && value.size() < sizeof Options::log_path;
  return kind == value;
}

// The place of a value among the valid ones.
int place(const Option& option, std::string_view value) {
  std::string_view rest = option.values;
  for (int index = 0;; ++index) {
    const auto end = rest.find('|') < rest.size() ? rest.find('|') : rest.size();
    if (is_a({rest.data(), end}, value)) return index;
    if (end == rest.size()) return kInvalid;
    rest.remove_prefix(end + 1);
  }
}

// secure_getenv: where a program runs with more rights than its caller has, the environment is an attacker's.
const char* given(const Option& option) { return secure_getenv(option.name); }

bool mistaken(const Option& option) { return given(option) != nullptr && place(option, given(option)) == kInvalid; }

const char* value(const Option& option) {
  return given(option) == nullptr || mistaken(option) ? option.fallback : given(option);
}

template <class Choice>
Choice choice(const Option& option) {
  return static_cast<Choice>(place(option, value(option)));
}

constinit Options current{};
constinit std::atomic<bool> known = false;

bool is_ours(std::string_view variable) {
#define OPTION(NAME, name, fallback, values, help) \
  if (variable == "NOSIGPIPE_" #NAME) return true;
#include "options.def"
#undef OPTION
  return false;
}

}  // namespace

// Threads that come here at once all write the same.
const Options& get() {
  if (known.load(std::memory_order_acquire)) [[likely]]
    return current;
  current.mode = choice<Mode>(mode);
  current.guard = choice<Guard>(guard);
  current.net = choice<Net>(net);
  current.scope = choice<Scope>(scope);
  current.handlers = choice<Handlers>(handlers);
  current.runaway = choice<Runaway>(runaway);
  current.runaway_after = count_in(value(runaway_after));
  current.log = choice<Log>(log);
  if (current.log == Log::file) memcpy(current.log_path, value(log), strlen(value(log)) + 1);
  known.store(true, std::memory_order_release);
  return current;
}

void each_mistake(void (*say)(text::Line&)) {
#define OPTION(NAME, name, fallback, values, help)                                           \
  if (mistaken(name)) {                                                                      \
    text::Line line;                                                                         \
    line << "nosigpipe: NOSIGPIPE_" #NAME "=";                                               \
    line.quoted(given(name)) << " is not one of " values "; the default is used: " fallback; \
    say(line);                                                                               \
  }
#include "options.def"
#undef OPTION
  if (secure_getenv("LD_PRELOAD") == nullptr) return;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable(*entry, strcspn(*entry, "="));
    if (strncmp(*entry, "NOSIGPIPE_", strlen("NOSIGPIPE_")) != 0 || is_ours(variable)) continue;
    text::Line line;
    line << "nosigpipe: there is no ";
    line.quoted(variable) << ", only"
#define OPTION(NAME, name, fallback, values, help) " NOSIGPIPE_" #NAME
#include "options.def"
#undef OPTION
        ;
    say(line);
  }
}

}  // namespace options
