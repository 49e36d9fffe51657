// The fields of a record: the list of them is what the manual describes.
#include <algorithm>
#include <set>

#include "support/source_tree.h"

namespace {

using Names = std::set<std::string>;

constexpr const char* kFields[] = {
#define FIELD(name, how) #name,
#include "log/fields.def"
};

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
  for (const std::string field : kFields) {
    INFO(field);
    CHECK(entries.count(field) == 1);
  }
  CHECK(entries.count("nosuchfield") == 0);
}

TEST_CASE("every entry of the manual is a field that is written") {
  for (const auto& entry : entries_of(contents(source("shim/nosigpipe.1")))) {
    INFO(entry);
    CHECK(std::count(std::begin(kFields), std::end(kFields), entry) == 1);
  }
}
