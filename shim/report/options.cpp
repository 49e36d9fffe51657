#include "report/options.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <span>
#include <stdexcept>

namespace report {
namespace {

struct Known {
  std::string_view name, value, help;
};

constexpr Known kKnown[] = {
#define OPTION(name, value, help) {name, value, help},
#include "report/options.def"
#undef OPTION
};

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

std::size_t number(const std::string& name, const std::string& text, std::size_t least, std::size_t most) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
    refuse("--" + name + " wants a number from " + std::to_string(least) + " to " + std::to_string(most));
  return value;
}

// Which of these names the value is.
std::size_t one_of(const std::string& name, const std::string& value, std::span<const char* const> names) {
  const auto found = std::find(names.begin(), names.end(), value);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::string list;
  for (const char* one : names) list += std::string(list.empty() ? "" : ", ") + one;
  refuse("--" + name + " wants one of " + list);
}

Moment moment(const std::string& name, const std::string& value, Moment now) {
  const auto moment = asked_moment(value, now);
  if (!moment) refuse("--" + name + " wants a time such as 2026-11-22T18:10:00Z, 2026-11-22 or 15m");
  return *moment;
}

void set_format(Options& options, Format format) {
  if (options.format != Format::table && options.format != format)
    refuse("give only one of --json, --folded and --openmetrics");
  options.format = format;
}

void set(Options& options, const std::string& name, const std::string& value, Moment now) {
  constexpr const char* kSymbolizers[] = {"auto", "llvm-symbolizer", "eu-addr2line", "addr2line", "none"};
  constexpr const char* kWhen[] = {"auto", "always", "never"};
  if (name == "by") options.by = static_cast<By>(one_of(name, value, kByNames));
  if (name == "since") options.period.since = moment(name, value, now);
  if (name == "until") options.period.until = moment(name, value, now);
  if (name == "top") options.top = number(name, value, 0, kMostRows);
  if (name == "json") set_format(options, Format::json);
  if (name == "folded") set_format(options, Format::folded);
  if (name == "openmetrics") set_format(options, Format::openmetrics);
  if (name == "output") options.output = value;
  if (name == "follow") options.follow = true;
  if (name == "interval") options.interval = static_cast<unsigned>(number(name, value, 1, 86400));
  if (name == "symbolizer") options.symbolizer = kSymbolizers[one_of(name, value, kSymbolizers)];
  if (name == "search") options.search.push_back(value);
  if (name == "width") options.width = number(name, value, 40, 1000);
  if (name == "color") options.color = static_cast<When>(one_of(name, value, kWhen));
  if (name == "help") options.help = true;
  if (name == "version") options.version = true;
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments, Moment now) {
  Options options;
  for (auto at = arguments.begin(); at != arguments.end(); ++at) {
    if (*at == "--") {
      options.files.insert(options.files.end(), at + 1, arguments.end());
      break;
    }
    if (*at == "-" || !at->starts_with('-')) {
      options.files.push_back(*at);
      continue;
    }
    const auto equals = at->find('=');
    const std::string written = at->substr(0, equals);
    const std::string name = written == "-h" ? "help" : written.substr(std::min<std::size_t>(2, written.size()));
    const auto* known =
        std::find_if(std::begin(kKnown), std::end(kKnown), [&](const Known& option) { return option.name == name; });
    if (known == std::end(kKnown) || (written != "-h" && !written.starts_with("--")))
      refuse("unknown option " + written + "; --help lists what there is");
    if (known->value.empty() && equals != at->npos) refuse("--" + name + " takes no value");
    std::string value;
    if (equals != at->npos)
      value = at->substr(equals + 1);
    else if (!known->value.empty() && ++at != arguments.end())
      value = *at;
    if (!known->value.empty() && value.empty())
      refuse("--" + name + " wants a value: --" + name + "=" + std::string(known->value));
    set(options, name, value, now);
  }
  if (options.format == Format::folded && options.by != By::site) refuse("--folded goes by site alone");
  if (options.files.empty()) options.files.push_back("-");
  return options;
}

std::string help() {
  std::string text =
      "usage: nosigpipe-report [OPTION]... [FILE]...\n"
      "Tells from logs of nosigpipe where SIGPIPE would have struck. Reads text and JSON, plain or\n"
      "gzipped; with no FILE, or where FILE is -, the standard input.\n\n";
  for (const auto& option : kKnown) {
    const std::string form(option.value.empty() ? option.name
                                                : std::string(option.name) + "=" + std::string(option.value));
    text += (option.name == "help" ? "  -h, --" : "  --") + form + "\n      " + std::string(option.help) + "\n";
  }
  text +=
      "Times are UTC where no zone is given. Exit status: 0 all was read (damaged lines are counted and told),\n"
      "1 something could not be read or written, 2 the command line is wrong.\n";
  return text;
}

}  // namespace report
