// The fields of a record: what the list says is written, in its order, read by the report and described in the manual.
#include <algorithm>
#include <set>

#include "support/source_tree.h"
#include "support/victims.h"

namespace {

using Names = std::set<std::string>;

struct Field {
  const char* name;
  const char* how;
};
constexpr Field kFields[] = {
#define FIELD(name, how) {#name, #how},
#include "log/fields.def"
};
const auto* field_named(const std::string& name) {
  return std::find_if(std::begin(kFields), std::end(kFields), [&](const Field& field) { return field.name == name; });
}

std::string sources_in(const std::string& room) {
  std::string text;
  for (const auto& entry : std::filesystem::directory_iterator(source(room)))
    if (entry.is_regular_file()) text += contents(entry.path());
  return text;
}

// Whether the log hands this field to a record: `record.number(fd, …)` or `add_address(record, fields::peer, …)`.
bool is_written(const std::string& log, const std::string& field) {
  return has_match(log, "(record\\.\\w+\\(|\\bword\\(|\\(record, )(fields::)?" + field + ", ");
}

bool is_used(const std::string& report, const std::string& field) {
  return has_match(report, "\\b(record\\.|Record::)" + field + "\\b");
}

// The names of a line's fields, as they stand there.
std::vector<std::string> names_in(const std::string& line) { return matches(line, " ([a-z_]+)="); }

// What a paragraph's tag names: `.B event`, or `.BR fd ", " bytes`, in which every second word is no name.
std::vector<std::string> names_in_tag(const std::string& line) {
  std::istringstream words(line);
  std::string macro;
  words >> macro;
  std::vector<std::string> all;
  for (std::string word; words >> word;) {
    if (word == "\"," && words >> word && word == "\"") continue;
    all.push_back(word);
  }
  const bool fits = macro == ".B" ? all.size() == 1 : macro == ".BR";
  return fits ? all : std::vector<std::string>{};
}

// The names that have an entry of their own under LOG LINES: those in the tags of its paragraphs.
Names entries_of(const std::string& manual) {
  Names entries;
  bool in_section = false;
  bool is_tag = false;
  for (const auto& line : lines_of(manual)) {
    if (line.starts_with(".SH ")) in_section = line == ".SH LOG LINES";
    if (in_section && is_tag)
      for (const auto& name : names_in_tag(line)) entries.insert(name);
    is_tag = line == ".TP";
  }
  return entries;
}

}  // namespace

TEST_CASE("every field of a record has an entry in the manual") {
  CHECK(entries_of(".SH LOG LINES\n.TP\n.BR fd \", \" bytes \", \" call\nText.\n.TP\n.B event\n.B word\n") ==
        Names{"fd", "bytes", "call", "event"});
  CHECK(entries_of(".SH OPTIONS\n.TP\n.B event\n.SH LOG LINES\n.BR fd ,\n.B event\nevent\n.TP\nevent\n").empty());

  const auto entries = entries_of(contents(source("shim/nosigpipe.1")));
  for (const auto& field : kFields) {
    INFO(field.name);
    CHECK(entries.count(field.name) == 1);
  }
  CHECK(entries.count("nosuchfield") == 0);
}

TEST_CASE("every entry of the manual is a field of the list") {
  for (const auto& entry : entries_of(contents(source("shim/nosigpipe.1")))) {
    INFO(entry);
    CHECK(field_named(entry) != std::end(kFields));
  }
}

TEST_CASE("every field is written, and used where the report reads it") {
  const auto log = sources_in("shim/log");
  const auto report = sources_in("shim/report");
  CHECK(!is_written(log, "uptime"));
  CHECK(!is_used(report, "uptime"));
  for (const auto& field : kFields) {
    INFO(field.name);
    CHECK(is_written(log, field.name));
    CHECK(is_used(report, field.name) == (std::string(field.how) != "skipped"));
  }
}

TEST_CASE("a line has its fields in the order of the list") {
  const auto victim = totals_victim({"tcp-reset", "write", "unix-closed", "storm=50000000"});
  const Strings variables{"NOSIGPIPE_LOG=stderr", "NOSIGPIPE_STACK=4", "NOSIGPIPE_RUNAWAY=deliver",
                          "NOSIGPIPE_RUNAWAY_AFTER=1"};
  const Ending ending = run(victim, with_shim(variables));
  for (const std::string part :
       {" event=averted ", " event=total ", " event=runaway ", " socket=tcp ", " socket=unix "})
    CHECK(has(ending.err, part));
  for (const auto& line : lines_of(ending.err)) {
    INFO(line);
    const auto* last = std::begin(kFields);
    for (const auto& name : names_in(line)) {
      const auto* field = field_named(name);
      INFO(name);
      REQUIRE(field != std::end(kFields));
      CHECK(field >= last);
      last = field;
    }
  }
}
