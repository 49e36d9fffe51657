#include "system/options.h"

#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <atomic>

#include "system/machine_file.h"
#include "system/option_value.h"

namespace options {
namespace {

// Each value comes with a | before it.
#define VALUE(enumerator, word, help) "|" word
#define CHOICE(NAME, name, Type, what, values) constexpr Option name = choice_of("NOSIGPIPE_" #NAME, &(values)[1]);
#define NUMBER(NAME, name, fallback, lowest, highest, help) \
  constexpr Option name{"NOSIGPIPE_" #NAME, #lowest ".." #highest, #fallback};
#include "options.def"

constinit char log_path[kLongestPath] = "";

#ifdef NOSIGPIPE_LATE
// What was said when it was attached, by who may do anything with this process. The environment is not asked.
constexpr bool kIsLate = true;
constinit char said[8192] = "";
constinit char* entries[64] = {};

char** variables() { return entries; }

const char* variable(const char* name) {
  const std::string_view begin(name);
  for (char** entry = entries; *entry != nullptr; ++entry)
    if (text::begins(*entry, begin) && (*entry)[begin.size()] == '=') return *entry + begin.size() + 1;
  return nullptr;
}
#else
constexpr bool kIsLate = false;

char** variables() { return environ; }

// Where a program runs with more rights than its caller has, the environment is an attacker's.
const char* variable(const char* name) { return secure_getenv(name); }
#endif

const char* given(const Option& option) { return variable(option.name); }

// Most programs are given none, and to ask libc for each takes as many looks at all variables there are.
bool any_is_given() {
  for (char** entry = variables(); entry != nullptr && *entry != nullptr; ++entry)
    if (kIsLate || text::begins(*entry, "NOSIGPIPE_")) return true;
  return false;
}

// The environment wins over the machine's file, but for the switch that turns it all off. What an attacker may have
// started asks the file for that alone.
std::string_view value(const Option& option, std::string_view file) {
  const bool is_mode = option.name == options::mode.name;
  if (file.empty() || (!is_mode && getauxval(AT_SECURE) != 0)) file = {};
  const auto machines = machine_file::value(file, option.name);
  const char* ours = given(option);
  const std::string_view value = ours == nullptr || (is_mode && machines == "off") ? machines : ours;
  return place(option, value) == kInvalid ? option.fallback : value;
}

// The socket or the file, without the word that says which it is.
std::string_view path_in(Log kind, std::string_view value) {
  switch (kind) {
    case Log::syslog:
      return "/dev/log";
    case Log::journal:
      return "/run/systemd/journal/socket";
    case Log::syslog_at:
    case Log::journal_at:
      return text::part(value, value.find(':') + 1);
    case Log::file:
      return value;
    default:
      return "";
  }
}

constinit std::atomic<bool> known = false;

bool is_ours(std::string_view variable) {
#define VALUE(enumerator, word, help)
#define CHOICE(NAME, ...) \
  if (variable == "NOSIGPIPE_" #NAME) return true;
#define NUMBER CHOICE
#include "options.def"
  return false;
}

void say_mistake(const Option& option, void (*say)(text::Line&)) {
  const char* value = given(option);
  if (value == nullptr || place(option, value) != kInvalid) return;
  text::Sized<1024> line;
  line << "nosigpipe: " << option.name << "=";
  line.quoted(value) << " is not one of " << option.values << "; the default is used: " << option.fallback;
  say(line);
}

}  // namespace

// system/notes.cpp tells where they are.
extern constinit Options current asm("nosigpipe_options");
[[gnu::used]] constinit Options current{};

// Threads that come here at once all write the same. The room is on a stack that is large yet: our handler, which may
// be on a small one, is armed only later. So it is not get()'s own.
[[gnu::noinline, gnu::cold]] static void find_out() {
  char room[machine_file::kMost];
  const auto file = machine_file::read(room);
  const bool any = !file.empty() || any_is_given();
#define VALUE(enumerator, word, help)
#define CHOICE(NAME, name, Type, what, values) \
  current.name = static_cast<Type>(any ? place(name, value(name, file)) : 0);
#define NUMBER(NAME, name, fallback, lowest, highest, help) \
  current.name = any ? static_cast<unsigned>(number_in(value(name, file))) : (fallback);
#include "options.def"
  // A copy, since the program may overwrite its environment; and no page more where there is none.
  const auto path = any ? path_in(current.log, value(log, file)) : std::string_view();
  if (!path.empty()) text::copy(log_path, path);
  current.log_path = path.empty() ? "" : log_path;
  known.store(true, std::memory_order_release);
}

const Options& get() {
  if (!known.load(std::memory_order_acquire)) [[unlikely]]
    find_out();
  return current;
}

void each_mistake(void (*say)(text::Line&)) {
  if (!any_is_given()) return;
#define VALUE(enumerator, word, help)
#define CHOICE(NAME, name, ...) say_mistake(name, say);
#define NUMBER CHOICE
#include "options.def"
  if (!kIsLate && variable("LD_PRELOAD") == nullptr) return;
  for (char** entry = variables(); *entry != nullptr; ++entry) {
    if (!kIsLate && !text::begins(*entry, "NOSIGPIPE_")) continue;
    const std::string_view whole(*entry);
    const auto variable = text::part(whole, 0, whole.find('='));
    if (is_ours(variable)) continue;
    text::Sized<1024> line;
    line << "nosigpipe: there is no ";
    line.quoted(variable) << ", only"
#define VALUE(enumerator, word, help)
#define CHOICE(NAME, ...) " NOSIGPIPE_" #NAME
#define NUMBER CHOICE
#include "options.def"
        ;
    say(line);
  }
}

#ifdef NOSIGPIPE_LATE
bool set(const char* lines) {
  if (std::string_view(lines).size() >= sizeof said) return false;
  text::copy(said, lines);
  std::size_t count = 0;
  for (char* at = said; *at != '\0';) {
    if (count == std::size(entries) - 1) return false;
    entries[count++] = at;
    while (*at != '\0' && *at != '\n') ++at;
    if (*at == '\n') *at++ = '\0';
  }
  entries[count] = nullptr;
  find_out();
  return true;
}

void turn_off() { current.mode = Mode::off; }
#endif

}  // namespace options
