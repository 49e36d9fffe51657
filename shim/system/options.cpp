#include "system/options.h"

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

constinit char log_path[4096] = "";

struct Number {
  bool valid = false;
  unsigned value = 0;
};

Number number_in(std::string_view text) {
  Number number{!text.empty()};
  for (const char c : text)
    number.valid = number.valid && c >= '0' && c <= '9' && !__builtin_mul_overflow(number.value, 10U, &number.value) &&
                   !__builtin_add_overflow(number.value, static_cast<unsigned>(c - '0'), &number.value);
  return number;
}

bool is_path(std::string_view value) { return value.find('/') != value.npos && value.size() < sizeof log_path; }

// A kind is a word, a range of numbers ("0..32"), PATH, or a word and a path ("syslog:PATH").
bool is_a(std::string_view kind, std::string_view value) {
  if (const auto dots = kind.find(".."); dots != kind.npos) {
    const auto number = number_in(value);
    return number.valid && number.value >= number_in(text::part(kind, 0, dots)).value &&
           number.value <= number_in(text::part(kind, dots + 2)).value;
  }
  const auto path = kind.find("PATH");
  if (path == kind.npos) return kind == value;
  kind = text::part(kind, 0, path);
  return text::begins(value, kind) && is_path(text::part(value, kind.size()));
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

unsigned number(const Option& option) { return number_in(value(option)).value; }

// The socket or the file, without the word that says which it is.
const char* path_of(Log kind) {
  switch (kind) {
    case Log::syslog:
      return "/dev/log";
    case Log::journal:
      return "/run/systemd/journal/socket";
    case Log::syslog_at:
    case Log::journal_at:
      return strchr(value(options::log), ':') + 1;
    case Log::file:
      return value(options::log);
    default:
      return "";
  }
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
  current.runaway_after = number(runaway_after);
  current.log = choice<Log>(log);
  // A copy, since the program may overwrite its environment; and no page more where there is none.
  const char* path = path_of(current.log);
  if (path[0] != '\0') text::copy(log_path, path);
  current.log_path = path[0] != '\0' ? log_path : "";
  current.format = choice<LogFormat>(format);
  current.stack = number(stack);
  current.interval = number(interval);
  known.store(true, std::memory_order_release);
  return current;
}

void each_mistake(void (*say)(text::Line&)) {
#define OPTION(NAME, name, fallback, values, help)                                           \
  if (mistaken(name)) {                                                                      \
    text::Sized<1024> line;                                                                  \
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
    text::Sized<1024> line;
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
