// The lists that the shim is made from, and what else must follow them: what is forgotten in one place fails here.
#include <algorithm>
#include <set>

#include "support/options_list.h"
#include "support/source_tree.h"

namespace {

std::string all_sources() {
  std::string text;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source("shim"))) {
    const std::string name = std::filesystem::relative(entry.path(), source("shim"));
    const bool counts = name.ends_with(".cpp") || name.ends_with(".h");
    const bool is_of_tool = name.starts_with("report/") || name.starts_with("doctor/") || name.starts_with("tools/") ||
                            name.starts_with("late/") || name.starts_with("attach/");
    if (counts && !is_of_tool && !name.starts_with("system/options.")) text += contents(entry.path());
  }
  return text;
}

// Whether some line of the shim asks for this member of Options.
bool is_read(const std::string& sources, const std::string& member) {
  return has_match(sources, "options(::get\\(\\))?\\." + member + "\\b");
}

// The row of a table that begins with this cell; empty: there is none.
std::string row_of(const std::string& page, const std::string& cell) {
  for (const auto& line : lines_of(page))
    if (line.starts_with("| `" + cell + "` |")) return line;
  return "";
}

// The definition of this function in hooks.cpp, up to the next one.
std::string hook_named(const std::string& hooks, const std::string& name) {
  const auto found = matches(hooks, "\nEXPORT [^(]*\\b" + name + "\\(");
  if (found.empty()) return "";
  const auto begin = hooks.find(found[0]);
  return hooks.substr(begin, hooks.find("\nEXPORT ", begin + 1) - begin);
}

}  // namespace

TEST_CASE("every option is read by the shim") {
  const auto sources = all_sources();
  REQUIRE(sources.size() > 10'000);
  CHECK(!is_read(sources, "colour"));
  for (const auto& option : options) {
    INFO(option.name);
    CHECK(is_read(sources, option.member));
  }
}

TEST_CASE("the manual lists every system call that the shim makes") {
  const auto page = contents(source("shim/nosigpipe.1"));
  const auto list = page.substr(page.find("The system calls they make"), 1200);
  CHECK(!has(list, " fork "));
  const auto made = matches(all_sources(), "(?:call|ask|is_nameless|nosigpipe_syscall)\\(SYS_(\\w+)");
  CHECK(made.size() > 25);
  for (const auto& name : made) {
    INFO(name);
    CHECK(has_match(list, "[ \"]" + name + "[ \"]"));
  }
}

TEST_CASE("every option has a row in the README with its variable and its values") {
  const auto page = contents(source("README.md"));
  CHECK(row_of(page, "--colour").empty());
  size_t rows = 0;
  for (const auto& line : lines_of(page)) rows += line.starts_with("| `--") ? 1 : 0;
  CHECK(rows == options.size());
  for (const auto& option : options) {
    const auto row = row_of(page, "--" + option.name);
    INFO(option.name << ": " << row);
    CHECK(has(row, "`" + option.variable + "`"));
    CHECK(has(row, "`" + option.fallback() + "`"));
    if (!option.range.empty()) CHECK(has(row, "`" + option.range + "`"));
    for (const auto& value : option.values) {
      INFO(value.word);
      CHECK(has(row, value.word == "PATH" ? value.word : "`" + value.word + "`"));
    }
  }
}

TEST_CASE("the README names every function that the shim replaces") {
  const auto page = contents(source("README.md"));
  const auto begin = page.find("\n## Functions\n");
  REQUIRE(begin != std::string::npos);
  const auto section = page.substr(begin, page.find("\n## ", begin + 1) - begin);
  CHECK(!has(section, "`accept`"));
  const auto list = contents(source("shim/functions.def"));  // with those of other machines
  const auto functions = matches(list, "\nFUNCTION\\((\\w+),");
  for (const auto& name : functions) {
    INFO(name);
    CHECK(has(section, "`" + name + "`"));
  }
  CHECK(functions.size() > 30);
}

TEST_CASE("a hook has the shape of the technique that the list says") {
  const auto hooks = contents(source("shim/hooks.cpp"));
  CHECK(hook_named(hooks, "accept").empty());
#define FUNCTION(name, type, technique, by)                                         \
  {                                                                                 \
    const auto hook = hook_named(hooks, #name);                                     \
    const std::string shape = #technique;                                           \
    INFO(#name " by " #technique << hook);                                          \
    CHECK(!hook.empty());                                                           \
    CHECK((has(hook, " flagged(") || has(hook, " written(")) == (shape == "flag")); \
    CHECK(has(hook, " guarded(") == (shape == "guard"));                            \
  }
#include "functions.def"
}

TEST_CASE("every function that writes has a verb in the matrix, and so has the system call behind it") {
  const std::set<std::string> verbs{
#define VERB(name, ...) #name,
#include "support/matrix.def"
  };
  CHECK(verbs.count("accept") == 0);
#define FUNCTION(name, type, technique, by)                                   \
  {                                                                           \
    INFO(#name " by " #by);                                                   \
    const std::string shape = #technique;                                     \
    if (shape == "flag" || shape == "guard") CHECK(verbs.count(#name) == 1);  \
    if (std::string(#by) != "never") CHECK(verbs.count("syscall_" #by) == 1); \
  }
#include "functions.def"
}

TEST_CASE("a list that is included without its macro does not compile") {
  unsigned lists = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source("shim"))) {
    if (entry.path().extension() != ".def") continue;
    ++lists;
    const Ending ending = run({"g++", "-std=c++20", "-fsyntax-only", "-x", "c++", entry.path()});
    INFO(entry.path() << "\n" << ending.err);
    CHECK(!ending.exited(0));
    CHECK(has(ending.err, "#error"));
    CHECK(has(ending.err, "before you include " + entry.path().filename().string()));
  }
  CHECK(lists == 8);
}

namespace {

// The names that this section of the manual sets in bold: .B NAME, .BR NAME ", " NAME, .RB [ NAME ].
std::set<std::string> bold_in(const std::string& section,
                              const std::string& manual = "shim/report/nosigpipe-report.1") {
  const auto page = contents(source(manual));
  const auto begin = page.find("\n.SH " + section + "\n");
  REQUIRE(begin != std::string::npos);
  std::set<std::string> names;
  for (const auto& line : lines_of(page.substr(begin + 1, page.find("\n.SH ", begin + 1) - begin))) {
    if (!line.starts_with(".B ") && !line.starts_with(".BR ") && !line.starts_with(".RB ")) continue;
    for (const auto& name : matches(line, "[a-z_]+")) names.insert(name);
  }
  names.erase("json");
  names.erase("openmetrics");
  return names;
}

std::set<std::string> names_in(const std::string& file, const std::string& pattern) {
  const auto names = matches(contents(source(file)), pattern);
  return {names.begin(), names.end()};
}

}  // namespace

TEST_CASE("the report's manual has every member of its JSON, and every metric, and no other") {
  const auto members = names_in("shim/report/json.cpp", "\\b(?:text|text_if|number|member)\\(\"(\\w+)\"");
  CHECK(members.size() > 35);
  CHECK(bold_in("JSON") == members);
  const auto metrics = names_in("shim/report/openmetrics.cpp", "\"(nosigpipe_\\w+)\"");
  CHECK(metrics.size() == 10);
  CHECK(bold_in("METRICS") == metrics);
}

TEST_CASE("the doctor's manual has every member of its JSON and no other") {
  const auto members = names_in("shim/doctor/json.cpp", "\\b(?:text|text_if|number|truth|member)\\(\"(\\w+)\"");
  CHECK(members.size() > 35);
  CHECK(bold_in("JSON", "shim/doctor/nosigpipe-doctor.1") == members);
}

TEST_CASE("the doctor's manual and its help have every option") {
  const auto help = run({built("nosigpipe-doctor"), "--help"}).out;
  const auto page = contents(source("shim/doctor/nosigpipe-doctor.1"));
  const auto of_doctor = names_in("shim/doctor/options.def", "\nOPTION\\((\\w+), ");
  CHECK(of_doctor.size() >= 4);
  for (auto name : of_doctor) {
    std::replace(name.begin(), name.end(), '_', '-');
    INFO(name);
    CHECK(has(help, " --" + name));
    std::string escaped;
    for (const char c : name) escaped += c == '-' ? "\\-" : std::string(1, c);
    CHECK(has(page, "\\-\\-" + escaped));
  }
  for (const auto& line : lines_of(help)) CHECK(line.size() <= 80);
}

TEST_CASE("the library carries the version of the Makefile as an ELF note") {
  const auto makefile = contents(source("Makefile"));
  const auto begin = makefile.find("\nVERSION = ") + std::string("\nVERSION = ").size();
  const auto version = makefile.substr(begin, makefile.find('\n', begin) - begin);
  std::string hex;
  for (const char c : version + '\0') {
    char digits[4];
    std::snprintf(digits, sizeof digits, "%02x ", static_cast<unsigned char>(c));
    hex += digits;
  }
  const Ending notes = run({"readelf", "-nW", built("libnosigpipe.so")});
  INFO(notes.out);
  CHECK(has_match(notes.out, "nosigpipe +0x[0-9a-f]+\t[^\n]*version[^\n]*: " + hex));
}

// These take longer than all others together, and need more of the network than the packages.
TEST_CASE("what has to pass is every target that tests, but for those that take too long") {
  const std::set<std::string> too_long{"test-roots",  "test-kernels",   "test-packages",  "test-compilers",
                                       "test-suites", "test-sanitized", "test-elsewhere", "test-all"};
  const auto script = contents(source(".ci/run"));
  const auto makefile = contents(source("Makefile"));
  const auto targets = matches(makefile, "\n(test[a-z0-9-]*|fuzz|soak|lint): ##");
  for (const auto& name : targets) {
    INFO(name);
    CHECK(has_match(script, "\ntry make " + name + "[ \n]") == !too_long.contains(name));
  }
  CHECK(targets.size() >= 5);
}
