// nosigpipe-report: what it makes of logs.
#include "report_log.h"

namespace {

// The first sentence.
std::string head(const std::string& log, const Strings& options = {}) {
  return lines_of(report_of(log, options)).at(0);
}

}  // namespace

TEST_CASE("the report begins with how many, how deadly, where and when") {
  const auto log = Record().set("count", "1000").set("kills", "900").text() +
                   Record().set("pid", "200").at("2026-11-23T01:02:03.5Z").text();
  CHECK(head(log) ==
        "1,001 SIGPIPEs averted in 2 processes, 901 would have killed; between 2026-11-22 18:10:39 and 2026-11-23 "
        "01:02:03 UTC.");
}

TEST_CASE("an empty log is said to be empty") { CHECK(report_of("") == "No SIGPIPE: the log has no records.\n"); }

TEST_CASE("a row has its count and share and kills and call and place") {
  const auto log = Record().set("count", "3").set("kills", "2").text() +
                   Record().set("offset", "0x9000").set("symbol", "\"other\"").set("call", "send").text();
  const auto rows = lines_with("serve", report_of(log));
  REQUIRE(rows.size() == 1);
  std::istringstream row(rows[0]);
  const Strings words{std::istream_iterator<std::string>(row), {}};
  CHECK(words.front() == "3");
  CHECK(has(rows[0], " 75.0% "));
  CHECK(has(rows[0], "     2  write  serve"));
  CHECK(has(lines_with("other", report_of(log)).at(0), " 25.0%       1  send   other"));
}

TEST_CASE("the counts of a total are added to those told before") {
  const auto log = Record().set("count", "2").text() +
                   Record().set("event", "total").without("tid").set("count", "40").set("kills", "40").text();
  CHECK(has(head(log), "42 SIGPIPEs averted in 1 process, 41 would have killed"));
  CHECK(lines_with("serve", report_of(log)).size() == 1);
}

TEST_CASE("a record stands behind whatever a system log puts before it") {
  const auto record = Record().text();
  CHECK(has(head("Nov 22 18:10:39 host nosigpipe[123]: " + record), "1 SIGPIPE averted"));
  CHECK(has(head("2026-11-22T18:10:39+0100 host x[1]: " + record), "1 SIGPIPE averted"));
  CHECK(has(head("nosigpipe: keeps this server\n"), "No SIGPIPE"));
}

TEST_CASE("a damaged line is counted and the others are used") {
  const auto whole = Record().text();
  const auto half = whole.substr(0, whole.size() / 2);
  const Strings all{half + "\n",
                    half,
                    whole.substr(0, whole.size() - 1),
                    whole.substr(40),
                    "nosigpipe: 2026-11-22T18:10:39Z \xff\xfe\n",
                    Record().set("count", "x").text(),
                    Record().without("kills").text(),
                    Record().set("kills", "2").text(),
                    Record().set("thread", "\"\\xg0\"").text()};
  for (const auto& damaged : all) {
    INFO(damaged);
    const auto report = report_of(whole + damaged);
    CHECK(has(report, "1 SIGPIPE averted"));
    CHECK(has(report, "1 line is damaged or cut, and not counted."));
  }
  CHECK(!has(report_of(whole), "damaged"));
}

TEST_CASE("a record behind a torn one in the same line is used") {
  const auto whole = Record().text();
  for (const std::size_t length : {30, 60, 110, 200}) {
    INFO(whole.substr(0, length));
    const auto report = report_of(whole.substr(0, length) + whole);
    CHECK(has(report, "1 SIGPIPE averted"));
    CHECK(has(report, "1 line is damaged"));
  }
}
