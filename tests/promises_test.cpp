// What the README promises and what tries it: the tables of tests/README.md have it all, and name what is there.
#include <algorithm>
#include <set>

#include "support/source_tree.h"

namespace {

// What is asked of the README: a sentence of its prose, or a row of a table.
struct Statement {
  std::string section;
  std::string words;
};

const std::set<std::string> kPromiseNothing{"Limits", "How it works", "Tests"};
const std::set<std::string> kTablesOfOneTrial{"Deployments", "The server that is running now", "What it costs"};

// A sentence ends before what begins another one.
Strings sentences_of(const std::string& paragraph) {
  Strings sentences{""};
  for (size_t i = 0; i < paragraph.size(); ++i) {
    const char next = i + 2 < paragraph.size() ? paragraph[i + 2] : '\0';
    const bool ends = has(".!?", std::string(1, paragraph[i])) && i + 1 < paragraph.size() && paragraph[i + 1] == ' ' &&
                      (std::isupper(static_cast<unsigned char>(next)) != 0 || has("`([", std::string(1, next)));
    sentences.back() += paragraph[i];
    if (ends) {
      sentences.emplace_back();
      ++i;
    }
  }
  return sentences;
}

class Page {
 public:
  explicit Page(const std::string& text) {
    bool is_code = false;
    for (const auto& line : lines_of(text + "\n")) {
      if (line.starts_with("```")) is_code = !is_code;
      if (is_code || line.starts_with("```") || line.starts_with("    ") || line.empty()) {
        end_paragraph();
      } else if (line.starts_with("#")) {
        end_paragraph();
        section_ = line.substr(line.find(' ') + 1);
      } else if (line.starts_with("|")) {
        end_paragraph();
        add_row(line);
      } else {
        if (line.starts_with("- ")) end_paragraph();
        paragraph_ += (paragraph_.empty() ? "" : " ") + line.substr(line.find_first_not_of(' '));
      }
      is_in_table_ = line.starts_with("|");
    }
    end_paragraph();
  }

  const std::vector<Statement>& statements() const { return statements_; }

 private:
  // Neither its first row, which is its head, nor the line below that.
  void add_row(const std::string& line) {
    const bool is_head = !is_in_table_ || line.starts_with("| --- ");
    if (!is_head && !kTablesOfOneTrial.contains(section_)) add(line);
  }

  void end_paragraph() {
    const bool is_picture = paragraph_.starts_with("![");
    if (!paragraph_.empty() && !is_picture)
      for (const auto& sentence : sentences_of(paragraph_))
        if (!sentence.ends_with(":")) add(sentence);
    paragraph_.clear();
  }

  void add(const std::string& words) {
    if (!kPromiseNothing.contains(section_)) statements_.push_back({section_, words});
  }

  std::string section_, paragraph_;
  bool is_in_table_ = false;
  std::vector<Statement> statements_;
};

std::string section_named(const std::string& page, const std::string& name) {
  const auto begin = page.find("\n## " + name + "\n");
  INFO(name);
  REQUIRE(begin != std::string::npos);
  return page.substr(begin, page.find("\n## ", begin + 1) - begin);
}

// The cells of each row, without the head.
std::vector<Strings> rows_of(const std::string& section) {
  std::vector<Strings> rows;
  for (const auto& line : lines_of(section)) {
    if (!line.starts_with("| ")) continue;
    Strings cells{""};
    for (size_t i = 2; i < line.size(); ++i) {
      if (line[i] == '|' && line[i - 1] == '\\')
        cells.back().back() = '|';
      else if (line[i] == '|')
        cells.emplace_back();
      else
        cells.back() += line[i];
    }
    for (auto& cell : cells) {
      cell.erase(0, cell.find_first_not_of(' '));
      cell.erase(cell.find_last_not_of(' ') + 1);
    }
    rows.push_back(cells);
  }
  REQUIRE(rows.size() > 2);
  return {rows.begin() + 2, rows.end()};
}

// The README's words that have a row, and those that are said to promise nothing.
Strings words_in(const std::string& section) {
  Strings words;
  for (const auto& row : rows_of(section)) words.push_back(row.at(0));
  for (const auto& line : lines_of(section))
    if (line.starts_with("- ")) words.push_back(line.substr(2));
  return words;
}

Strings statements_without_row(const std::string& readme, const std::string& section) {
  const auto words = words_in(section);
  Strings found;
  const Page page(readme);
  for (const auto& statement : page.statements())
    if (std::ranges::none_of(words, [&](const auto& some) { return has(statement.words, some); }))
      found.push_back(statement.section + ": " + statement.words);
  return found;
}

Strings words_not_there_once(const std::string& readme, const std::string& section) {
  const Page page(readme);
  const auto& statements = page.statements();
  Strings found;
  for (const auto& words : words_in(section))
    if (std::ranges::count_if(statements, [&](const auto& statement) { return has(statement.words, words); }) != 1)
      found.push_back(words);
  return found;
}

// NAME_test, `make TARGET`, or a path.
bool is_there(const std::string& name) {
  if (name.starts_with("make ")) return has(contents(source("Makefile")), "\n" + name.substr(5) + ": ");
  if (has(name, "/")) return std::filesystem::exists(name);
  return std::filesystem::exists("tests/" + name + ".cpp") || std::filesystem::exists("tests/foreign/" + name + ".cpp");
}

Strings named_by(const std::string& section) {
  Strings names;
  for (const auto& row : rows_of(section)) {
    const auto of_row = matches(row.at(1), "`([^`]+)`");
    INFO(row.at(0));
    CHECK(!of_row.empty());
    names.insert(names.end(), of_row.begin(), of_row.end());
  }
  return names;
}

Strings not_there(const std::string& section) {
  auto names = named_by(section);
  std::erase_if(names, is_there);
  return names;
}

Strings suites_not_named_by(const std::string& section) {
  const auto names = named_by(section);
  Strings missing;
  for (const char* folder : {"tests", "tests/foreign"})
    for (const auto& entry : std::filesystem::directory_iterator(source(folder))) {
      const std::string name = entry.path().stem();
      if (name.ends_with("_test") && std::ranges::count(names, name) == 0) missing.push_back(name);
    }
  return missing;
}

std::string tests_readme() { return contents(source("tests/README.md")); }
std::string promised() { return section_named(tests_readme(), "What is promised"); }
std::string proven() { return section_named(tests_readme(), "What is proven by what"); }

std::string shown(const Strings& list) {
  std::string text;
  for (const auto& line : list) text += line + "\n";
  return text;
}

}  // namespace

TEST_CASE("each statement of the README has a row, or is said to promise nothing") {
  const auto readme = contents(source("README.md"));
  REQUIRE(Page(readme).statements().size() > 90);
  CHECK(shown(statements_without_row(readme, promised())) == "");
}

TEST_CASE("the words of each row stand in one statement of the README") {
  CHECK(shown(words_not_there_once(contents(source("README.md")), promised())) == "");
}

TEST_CASE("each suite that a table names is there, and each that is there is named") {
  CHECK(shown(not_there(promised())) == "");
  CHECK(shown(not_there(proven())) == "");
  CHECK(shown(suites_not_named_by(proven())) == "");
}

TEST_CASE("a figure stands with what makes it") {
  for (const auto& row : rows_of(promised())) {
    INFO(row.at(0));
    REQUIRE(row.size() == 4);
    if (row.at(2).empty()) continue;
    CHECK(std::ranges::any_of(row.at(2), [](char c) { return c >= '0' && c <= '9'; }));
    CHECK(has(row.at(2), ": `"));
  }
}

TEST_CASE("each test that the table of attempts names is there") {
  const auto section = section_named(tests_readme(), "What an enemy may try");
  CHECK(shown(not_there(section)) == "");
  for (const auto& row : rows_of(section)) {
    std::string tests;
    for (const auto& suite : matches(row.at(1), "`(\\w+_test)`")) tests += contents(source("tests/" + suite + ".cpp"));
    const auto names = matches(row.at(1), "\"([^\"]+)\"");
    CHECK(!names.empty());
    for (const auto& name : names) {
      INFO(name);
      CHECK(has(tests, "\"" + name + "\") {"));
    }
  }
}

TEST_CASE(
    "the control: a promise without a row, a row without a promise or a suite, and a suite without a row are seen") {
  const std::string readme = "# x\n\nIt flies. It swims\nwell.\n\n| can | how |\n| --- | --- |\n| sing | loud |\n";
  const std::string head = "| promise | tried by | last figures |\n| --- | --- | --- |\n";
  const auto all = head + "| It flies | `lists_test` | |\n| swims well | `make test` | |\n| sing | `tests/soak/` | |\n";
  CHECK(statements_without_row(readme, all).empty());
  CHECK(words_not_there_once(readme, all).empty());
  CHECK(not_there(all).empty());
  CHECK(statements_without_row(readme + "| dance | |\n", all) == Strings{"x: | dance | |"});
  CHECK(statements_without_row(readme + "\nIt walks.\n", all) == Strings{"x: It walks."});
  CHECK(statements_without_row(readme + "\nIt swims well. It runs.\n", all) == Strings{"x: It runs."});
  CHECK(words_not_there_once(readme + "\nIt flies.\n", all) == Strings{"It flies"});
  CHECK(words_not_there_once(readme, all + "| sleeps | `lists_test` | |\n") == Strings{"sleeps"});
  CHECK(not_there(all + "| x | `nosuch_test` `make nosuch` `tests/nosuch/` | |\n") ==
        Strings{"nosuch_test", "make nosuch", "tests/nosuch/"});
  const auto missing = suites_not_named_by(all);
  CHECK(std::ranges::count(missing, "lists_test") == 0);
  CHECK(std::ranges::count(missing, "log_test") == 1);
  CHECK(std::ranges::count(missing, "servers_foreign_test") == 1);
}
