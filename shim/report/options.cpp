#include "report/options.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

#include "report/symbolizer.h"
#include "report/tally.h"
#include "tools/options.h"

namespace report {
namespace {

// An option as it is given.
struct Argument {
  std::string name, value;
  Timestamp now;
};

using tools::refuse;

std::size_t number(const Argument& given, std::size_t least, std::size_t most) {
  std::size_t value = 0;
  const char* end = given.value.data() + given.value.size();
  const auto result = std::from_chars(given.value.data(), end, value);
  if (result.ec != std::errc{} || result.ptr != end || value < least || value > most)
    refuse("--" + given.name + " wants a number from " + std::to_string(least) + " to " + std::to_string(most));
  return value;
}

template <class T>
using Choices = std::vector<std::pair<std::string_view, T>>;

template <class T>
T choice(const Argument& given, const Choices<T>& choices) {
  std::string names;
  for (const auto& [name, value] : choices) {
    if (name == given.value) return value;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  refuse("--" + given.name + " wants one of " + names);
}

Timestamp time(const Argument& given) {
  const auto time = parse_timestamp_or_age(given.value, given.now);
  if (!time) refuse("--" + given.name + " wants a time such as 2026-11-22T18:10:00Z, 2026-11-22 or 15m");
  return *time;
}

void set_format(Options& options, Format format) {
  if (options.format != Format::table && options.format != format)
    refuse("give only one of --json, --html, --folded and --openmetrics");
  options.format = format;
}

// What each option of options.def does.
namespace set {

void by(Options& options, const Argument& given) {
  options.by = choice<By>(given, {
#define GROUPING(name) {#name, By::name},
#include "report/groupings.def"
                                 });
}
void since(Options& options, const Argument& given) { options.period.since = time(given); }
void until(Options& options, const Argument& given) { options.period.until = time(given); }
void top(Options& options, const Argument& given) { options.top = number(given, 0, kMostRows); }
void json(Options& options, const Argument&) { set_format(options, Format::json); }
void html(Options& options, const Argument&) { set_format(options, Format::html); }
void folded(Options& options, const Argument&) { set_format(options, Format::folded); }
void openmetrics(Options& options, const Argument&) { set_format(options, Format::openmetrics); }
void fail_if_deadly(Options& options, const Argument&) { options.fail_if_deadly = true; }
void run(Options& options, const Argument&) { options.run = true; }
void output(Options& options, const Argument& given) { options.output = given.value; }
void follow(Options& options, const Argument&) { options.follow = true; }
void interval(Options& options, const Argument& given) {
  options.interval = std::chrono::seconds(number(given, 1, 86400));
}
void symbolizer(Options& options, const Argument& given) {
  Choices<std::string_view> choices{{"auto", "auto"}};
  for (const auto name : kSymbolizers) choices.emplace_back(name, name);
  choices.emplace_back("none", "none");
  options.symbolizer = choice(given, choices);
}
void search(Options& options, const Argument& given) { options.search.push_back(given.value); }
void width(Options& options, const Argument& given) { options.width = number(given, 40, 1000); }
void color(Options& options, const Argument& given) {
  options.color = choice<When>(given, {{"auto", When::automatic}, {"always", When::always}, {"never", When::never}});
}
void help(Options& options, const Argument&) { options.help = true; }
void version(Options& options, const Argument&) { options.version = true; }

}  // namespace set

using Set = void(Options& options, const Argument& given);

const tools::Option<Set> kOptions[] = {
#define OPTION(name, value, help) {#name, value, help, set::name},
#include "report/options.def"
};

}  // namespace

Options parse_options(const std::vector<std::string>& arguments, Timestamp now) {
  Options options;
  for (auto at = arguments.begin(); at != arguments.end(); ++at) {
    const bool is_option = at->starts_with('-') && *at != "-";
    if (*at == "--" || (options.run && !is_option)) {
      auto& rest = options.run ? options.command : options.files;
      rest.insert(rest.end(), is_option ? at + 1 : at, arguments.end());
      break;
    }
    if (!is_option) {
      options.files.push_back(*at);
      continue;
    }
    std::string value;
    const auto& option = tools::take_option(kOptions, at, arguments.end(), value);
    option.set(options, {option.shown(), value, now});
  }
  if (options.format == Format::folded && options.by != By::site) refuse("--folded goes by site alone");
  if (options.help || options.version) return options;
  if (!options.run) {
    if (options.files.empty()) options.files.push_back("-");
  } else if (options.command.empty()) {
    refuse("--run wants a command: --run -- COMMAND [ARG]...");
  } else if (!options.files.empty() || options.follow) {
    refuse("--run tells of what it runs: give no FILE and no --follow");
  }
  return options;
}

std::string help() {
  return "usage: nosigpipe-report [OPTION]... [FILE]...\n"
         "       nosigpipe-report --run [OPTION]... -- COMMAND [ARG]...\n"
         "Tells from logs of nosigpipe where SIGPIPE would have struck. Reads text and\n"
         "JSON, plain or gzipped; with no FILE, or where FILE is -, the standard input.\n\n" +
         tools::help_of(kOptions) +
         "Times are UTC where no zone is given. Exit status: 0 all was read (damaged lines\n"
         "are counted and told), 1 something could not be read or written, 2 the command\n"
         "line is wrong; 3 is that of --fail-if-deadly; with --run it is the command's,\n"
         "unless that is 0.\n";
}

}  // namespace report
