// nosigpipe-report: what it makes of logs.
#include <sys/wait.h>

#include <algorithm>
#include <ctime>
#include <map>

#include "support/report_log.h"

namespace {

const Strings groupings{
#define GROUPING(name) #name,
#include "report/groupings.def"
};

// The first sentence.
// A death by a dead pipe; and what the program's own handler was called for.
Record death() {
  return Record().set("event", "passed").set("technique", "none").set("fd", "1").set("kind", "pipe").without("peer");
}
Record handled() { return death().set("would_kill", "no").set("kills", "0"); }

std::string head(const std::string& log, const Strings& options = {}) {
  return lines_of(report_of(log, options)).at(0);
}

void behind_a_torn_one_is_used(const std::string& whole) {
  for (const std::size_t length : {20u, 30u, 60u, 110u, 200u}) {
    INFO(whole.substr(0, length));
    const auto report = report_of(whole.substr(0, length) + whole);
    CHECK(has(report, "1 SIGPIPE averted"));
    CHECK(has(report, "1 line is damaged"));
  }
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

TEST_CASE("the counts of a total are added to those logged before") {
  const auto log = Record().set("count", "2").text() +
                   Record().set("event", "total").without("tid").set("count", "40").set("kills", "40").text();
  CHECK(has(head(log), "42 SIGPIPEs averted in 1 process, 41 would have killed"));
  CHECK(lines_with("serve", report_of(log)).size() == 1);
}

TEST_CASE("a record stands behind whatever a system log puts before it") {
  const auto record = Record().text();
  CHECK(has(head("Nov 22 18:10:39 host nosigpipe[123]: " + record), "1 SIGPIPE averted"));
  CHECK(has(head("2026-11-22T18:10:39+0100 host x[1]: " + record), "1 SIGPIPE averted"));
  CHECK(has(report_on("nosigpipe: keeps this server\n").err, "1 line, none written by nosigpipe"));
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

TEST_CASE("a record behind a torn one in the same line is used") { behind_a_torn_one_is_used(Record().text()); }

TEST_CASE("the same records as JSON and as text give the same report") {
  std::string text;
  std::string json;
  for (Record record :
       {Record(), Record().set("thread", "\"a\\x22\\x5c\\x1b\""), Record().set("count", "7").set("would_kill", "no"),
        Record().set("stack", "\"/a\\x3bb+0x1;/c+0x2\""),
        Record().set("event", "total").set("count", "3").set("kills", "0").set("total", "9").set("lost", "2"),
        Record().set("event", "runaway").set("epipes", "100000").set("action", "throttle"),
        death().set("kind", "fifo").set("path", "\"/a\\x22\"").set("sender_pid", "7").set("sender", "\"\\x1b\"")}) {
    text += record.text();
    json += record.json();
  }
  for (const std::string by : {"site", "thread", "peer", "process"})
    for (const std::string form : {"--width=200", "--json", "--folded", "--openmetrics"}) {
      if (form == "--folded" && by != "site") continue;
      const Strings options{"--by=" + by, form};
      const auto report = report_of(text, options);
      CHECK(has(report, form == "--json" ? "\"damaged\":0" : form == "--openmetrics" ? "damaged_lines_total 0" : ""));
      CHECK(report_of(json, options) == report);
    }
}

TEST_CASE("a record torn in JSON is damaged and the one behind it is used") {
  behind_a_torn_one_is_used(Record().json());
}

TEST_CASE("a JSON record from another program is read, too") {
  CHECK(has(head(R"({"time": "2026-11-22T18:10:39Z", "event": "averted", "thread": "a\"\\\n\u20ac", "count": 2, )"
                 R"("kills": 1, "stack": [], "new": [ "a" ], "newer": null})"
                 "\n"),
            "2 SIGPIPEs averted"));
}

TEST_CASE("what is grouped by is what the rows are named by") {
  const auto log = Record().text();
  const std::map<std::string, std::string> names{
      {"site", "serve  x+0x806e"},      {"call", "write"},      {"thread", "worker"},         {"peer", "10.0.0.1"},
      {"fd", "fd 5 of pid 100 /srv/x"}, {"cause", "peer_gone"}, {"process", "pid 100 /srv/x"}};
  for (const auto& by : groupings) {
    INFO(by);
    const auto row = lines_of(report_of(log, {"--by", by})).at(3);
    REQUIRE(names.count(by) == 1);
    CHECK(row.ends_with("  " + names.at(by)));
  }
}

TEST_CASE("what was held back is spread over what is known of its site and said to be") {
  const Record other = Record()
                           .set("offset", "0x9000")
                           .set("peer", "\"10.0.0.9:1\"")
                           .set("thread", "\"other\"")
                           .set("fd", "9")
                           .set("cause", "reset");
  const auto log = Record().text() + Record().set("count", "2").set("kills", "0").text() + other.text() +
                   Record()
                       .without("tid")
                       .without("thread")
                       .without("peer")
                       .without("fd")
                       .without("cause")
                       .set("event", "total")
                       .set("count", "90")
                       .set("kills", "30")
                       .text();
  for (const auto& [by, name] : std::map<std::string, std::string>{
           {"peer", "10.0.0.1"}, {"thread", "worker"}, {"fd", "fd 5 of pid 100 /srv/x"}, {"cause", "peer_gone"}}) {
    const auto report = report_of(log, {"--by", by});
    INFO(report);
    CHECK(lines_of(report).at(3).starts_with("     93 "));
    CHECK(lines_of(report).at(3).ends_with("  " + name));
    CHECK(!has(report, "not told"));
    CHECK(has(report, "90 were held back, and no line says their " + by));
  }
}

TEST_CASE("a peer is its host without the port") {
  std::string log;
  for (int port = 1; port <= 20; ++port)
    log += Record().set("peer", "\"10.0.0.1:" + std::to_string(port) + "\"").text();
  log += Record().set("socket", "tcp6").set("peer", "\"[::1]:80\"").text();
  log += Record().set("socket", "unix").set("peer", "\"/run/a:1\"").text();
  log += Record().set("socket", "unix").without("peer").set("peer_pid", "42").text();
  CHECK(has(report_of(log), "peers 10.0.0.1 (20), "));
  const auto rows = report_of(log, {"--by=peer"});
  for (const std::string name : {"10.0.0.1", "[::1]", "/run/a:1", "process 42"}) CHECK(has(rows, "  " + name + "\n"));
}

TEST_CASE("the most frequent peers stay whatever else comes") {
  std::string log;
  for (int i = 0; i < 1000; ++i) {
    log += Record().set("peer", "\"10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":1\"").text();
    log += Record().set("peer", "\"10.0.0.1:1\"").text();
  }
  CHECK(has(report_of(log), "peers 10.0.0.1 (1,000), "));
}

TEST_CASE("only what was in the period is counted") {
  const auto log = Record().at("2026-11-22T18:00:00Z").text() + Record().at("2026-11-22T19:00:00Z").text() +
                   Record().at("2026-11-23T00:00:00Z").text();
  const auto count = [&](const Strings& options) { return head(log, options).substr(0, 2); };
  CHECK(count({}) == "3 ");
  CHECK(count({"--since=2026-11-22T19:00:00Z"}) == "2 ");
  CHECK(count({"--since=2026-11-22T18:59"}) == "2 ");
  CHECK(count({"--since=2026-11-22T20:00:00+01:00"}) == "2 ");
  CHECK(count({"--since=2026-11-22T20:01+01:00"}) == "1 ");
  CHECK(count({"--since", "2026-11-23"}) == "1 ");
  CHECK(count({"--until=2026-11-23"}) == "2 ");
  CHECK(count({"--until=2026-11-22T18:00:00Z"}) == "No");
}

TEST_CASE("an age counts from now") {
  const auto ago = [](long seconds) {
    const std::time_t then = std::time(nullptr) - seconds;
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&then));
    return Record().at(text).text();
  };
  const auto log = ago(0) + ago(1800) + ago(10 * 3600) + ago(3 * 86400);
  const auto count = [&](const std::string& age) { return head(log, {"--since", age}).substr(0, 2); };
  CHECK(count("600s") == "1 ");
  CHECK(count("60m ago") == "2 ");
  CHECK(count("20h") == "3 ");
  CHECK(count("5d ago") == "4 ");
}

TEST_CASE("what is wrong with the command line is told in one line and by exit status 2") {
  const Ending fine = report_on("", {"--by=site", "--top", "5"});
  REQUIRE(fine.exited(0));
  for (const Strings& options : {Strings{"--nosuch"},
                                 {"-x"},
                                 {"--by=nosuch"},
                                 {"--top=-1"},
                                 {"--top=10001"},
                                 {"--top=5x"},
                                 {"--json=1"},
                                 {"--fail_if_deadly"},
                                 {"--since=yesterday"},
                                 {"--since=2026-13-01"},
                                 {"--until=5w"},
                                 {"--width=39"},
                                 {"--color=mauve"},
                                 {"--json", "--folded"},
                                 {"--folded", "--by=peer"},
                                 {"--interval=0"},
                                 {"--symbolizer=/bin/sh"},
                                 {"--run", "--follow", "true"},
                                 {"--by="}}) {
    const Ending ending = report_on("", options);
    INFO(options[0] << ": " << ending.err);
    CHECK(ending.exited(2));
    CHECK(ending.out.empty());
    CHECK(lines_of(ending.err).size() == 1);
    CHECK(ending.err.starts_with("nosigpipe-report: "));
  }
}

TEST_CASE("a log fails where it is asked to and has something deadly") {
  const auto harmless = Record().set("would_kill", "no").set("kills", "0");
  const auto status = [](const std::string& log, Strings options) {
    CHECK(report_on(log, options).exited(0));
    return WEXITSTATUS(report_on(log, joined(options, {"--fail-if-deadly"})).status);
  };
  CHECK(status("", {}) == 0);
  CHECK(status(Record(harmless).text() + Record(harmless).set("event", "observed").text(), {}) == 0);
  CHECK(status(Record(harmless).set("event", "passed").set("kind", "pipe").text(), {}) == 0);
  for (const std::string form : {"--by=peer", "--json", "--folded", "--openmetrics"}) {
    CHECK(status(Record(harmless).text() + Record().text(), {form}) == 3);
    CHECK(status(Record().set("event", "observed").json(), {form}) == 3);
    CHECK(status(Record().set("event", "passed").set("kind", "pipe").text(), {form}) == 3);
  }
  CHECK(status(Record().text(), {"--until=2026-11-22T18:10"}) == 0);
}

TEST_CASE("the help and the manual have every option") {
  const auto help = report_of("", {"--help"});
  CHECK(report_of("", {"-h"}) == help);
  auto manual = contents("shim/report/nosigpipe-report.1");
  std::erase(manual, '\\');
  int options = 0;
  for (const auto& line : lines_of(help)) {
    CHECK(line.size() <= 80);
    const auto at = line.find("--");
    if (at == std::string::npos || at > 6 || line.starts_with("      ")) continue;
    const auto name = line.substr(at, line.find('=', at) - at);
    INFO(name);
    CHECK(has(manual, name));
    ++options;
  }
  CHECK(options == 19);
  CHECK(report_of("", {"--version"}).starts_with("nosigpipe-report "));
}

TEST_CASE("the help, the manual and the README name every grouping and no other") {
  std::string in_help = "group by ";
  std::string in_manual = "--by= {";
  std::string in_readme;
  for (const auto& name : groupings) {
    in_help += (name == groupings.front() ? "" : name == groupings.back() ? " or " : ", ") + name;
    in_manual += (name == groupings.front() ? " " : " | ") + name;
    if (name != "site" && name != "peer") in_readme += (in_readme.empty() ? "(or " : ", ") + name;
    CHECK(report_on("", {"--by", name}).exited(0));
  }
  CHECK(has(report_of("", {"--help"}), in_help + " ("));
  auto manual = contents("shim/report/nosigpipe-report.1");
  std::erase(manual, '\\');
  CHECK(has(manual, in_manual + " }\n"));
  auto readme = contents("README.md");
  std::replace(readme.begin(), readme.end(), '\n', ' ');
  CHECK(has(readme, "`--by=peer` " + in_readme + ")"));
}

TEST_CASE("the manual of the report is well-formed") {
  const Ending ending = run({"mandoc", "-Tlint", "-Wwarning", "shim/report/nosigpipe-report.1"});
  INFO(ending.out);
  CHECK(ending.exited(0));
}

TEST_CASE("no byte of a log reaches the output as a control character") {
  Record record;
  for (const char* field : {"thread", "exe", "module", "symbol", "peer", "stack", "path", "sender"})
    record.set(field, "\"\\x1b[2J\\x0a\\x07\\xff\\x9b<&;\"");
  auto log = record.set("call", "\x1b[1m").text();
  log += record.set("call", "\"\\x1b[1m\"").text();
  log += record.set("event", "passed").set("kind", "\"\\x1b\"").set("sender_pid", "1").text();
  log += record.set("event", "runaway").set("action", "\"\\x1b\"").text();
  for (const std::string form : {"--by=site", "--by=thread", "--by=peer", "--json", "--folded", "--openmetrics"}) {
    const auto report = report_of(log, {form}, {"LC_ALL=C"});
    INFO(report);
    CHECK(std::all_of(report.begin(), report.end(), [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
    CHECK(has(report, "1b"));
  }
}

TEST_CASE("with a width no line is longer and a source keeps its end") {
  const std::string longest(300, 'x');
  const auto log = Record().set("exe", '"' + longest + '"').set("symbol", '"' + longest + '"').text();
  for (const auto& line : lines_of(report_of(log, {"--width=60"}, {"LC_ALL=C"}))) {
    if (line.starts_with("1 SIGPIPE")) continue;  // a sentence is for the terminal to break
    INFO(line);
    CHECK(line.size() <= 60);
  }
  CHECK(has(report_of(log), longest));
}

TEST_CASE("in few columns the bar goes and the place takes a row of its own before file or line are cut") {
  const auto log = Record()
                       .set("module", "\"/usr/lib/libnetwork.so.3\"")
                       .without("symbol")
                       .set("stack", "\"/usr/lib/libnetwork.so.3+0x806e;/srv/x+0x10\"");
  const auto place = "x+0x10 through libnetwork.so.3";
  const auto lines = [&](const std::string& width) {
    return lines_of(report_of(log.text(), {"--width=" + width}, {"LC_ALL=C"}));
  };
  CHECK(lines("100").at(3) == "      1 ##########  100.0%       1  write  " + std::string(place));
  CHECK(lines("70").at(3) == "      1  100.0%       1  write  " + std::string(place));
  const auto killed = lines_of(
      report_of(death().set("exe", "\"/bin/x\"").set("kind", "fifo").set("path", "\"/run/a/long/name/of/it\"").text(),
                {"--width=40"}, {"LC_ALL=C"}));
  CHECK(killed.at(4) == "         /run/a/long/name/of/it;");
  CHECK(killed.at(5).starts_with("         serve  x+0x806e;"));
  CHECK(lines("50").at(4) == "        " + std::string(place));
}

TEST_CASE("in few columns a function keeps its name before what it takes, and who has left stands before the binary") {
  const auto function = "net::Server::serve(std::vector<net::Request, std::allocator<net::Request> > const&) const";
  const auto log = Record().set("symbol", '"' + std::string(function) + '"').text();
  const auto lines = lines_of(report_of(log, {"--width=80"}, {"LC_ALL=C"}));
  CHECK(lines.at(3).ends_with("  write  net::Server::serve  x+0x806e"));
  CHECK(lines.at(4).starts_with("        2026-11-22 18:10:39; peers 10.0.0.1 (1); "));
  CHECK(has(report_of(log), function));
  const auto call = report_of(Record().set("symbol", "\"net::Server::operator()\"").text(), {"--width=60"});
  CHECK(has(call, "::operator()  x+0x806e"));
}

TEST_CASE("there is color where it is asked for and else only on a terminal") {
  const auto log = Record().text();
  CHECK(!has(report_of(log), "\033"));
  CHECK(has(report_of(log, {"--color=always"}), "\033["));
  const auto on_terminal = [&](const Strings& env) {
    const Directory directory;
    std::ofstream(directory / "log") << log;
    Start start;
    start.env = env;
    const Ending ending =
        run({"script", "-qec", built("nosigpipe-report") + " " + directory / "log", "/dev/null"}, start);
    REQUIRE(has(ending.out, "1 SIGPIPE averted"));
    return ending.out;
  };
  CHECK(has(on_terminal({"TERM=xterm", "NO_COLOR"}), "\033["));
  CHECK(!has(on_terminal({"TERM=xterm", "NO_COLOR=1"}), "\033"));
  CHECK(!has(on_terminal({"TERM=dumb", "NO_COLOR"}), "\033"));
}

TEST_CASE("runaways and lost lines are reported") {
  const auto report = report_of(Record().set("lost", "12").text() + Record()
                                                                        .set("event", "runaway")
                                                                        .without("count")
                                                                        .without("kills")
                                                                        .set("epipes", "100000")
                                                                        .set("action", "throttle")
                                                                        .text());
  CHECK(has(report, "Runaway: thread worker of /srv/x, 1 time, at most 100,000 EPIPEs in a row, throttle"));
  CHECK(has(report, "12 lines could not be written"));
  CHECK(has(report, "1 SIGPIPE averted"));
}

TEST_CASE("what has killed stands first, the same as one row, dead pipes last") {
  std::string log = Record().text();
  for (const char* pid : {"1", "2", "3"}) log += death().set("exe", "\"/usr/bin/yes\"").set("pid", pid).text();
  const Record killed = death().set("call", "kill").set("kind", "signal").set("sender_pid", "7").set("sender_uid", "0");
  log += Record(killed).set("sender", "\"bash\"").text() +
         Record(killed).set("pid", "101").set("sender", "\"init\"").text();
  log += death().set("kind", "fifo").set("path", "\"/run/x y\"").set("exe", "\"/bin/one\"").text();
  const auto report = report_of(log);
  CHECK(
      head(log).starts_with("6 processes killed by SIGPIPE; 1 SIGPIPE averted in 1 process, 1 would have killed; at "));
  const auto lines = lines_of(report);
  REQUIRE(lines.size() > 8);
  CHECK(lines[2] == "Killed by:");
  CHECK(lines[3] == "      2  kill   signal  /srv/x");
  CHECK(lines[4].starts_with("         from init (pid 7, uid 0) and others; serve  x+0x806e; "));
  CHECK(lines[5] == "      1  write  fifo    /bin/one");
  CHECK(lines[6].starts_with("         /run/x y; serve  x+0x806e; "));
  CHECK(lines[7] == "      3  write  pipe    /usr/bin/yes");
  CHECK(report.find("Killed by:") < report.find("COUNT"));
  CHECK(!has(report, "Handled"));
  CHECK(has(report_of(log, {"--top=1"}), "      4  others\n"));
}

TEST_CASE("what the program's own handler was called for stands apart, with what was held back of it") {
  const auto log = handled().text() + death().text() +
                   handled().without("kind").without("tid").set("count", "40").set("total", "41").text();
  const auto report = report_of(log);
  CHECK(head(log).starts_with("1 process killed by SIGPIPE; 41 SIGPIPEs handled by the program; at "));
  CHECK(has(report, "Handled by the program:\n     41  write  pipe    /srv/x\n"));
  CHECK(has(report, "Killed by:\n      1  write  pipe    /srv/x\n"));
}

TEST_CASE("a process that several threads tell the death of was killed once") {
  const auto log = death().text() + death().set("tid", "102").text() + death().set("pid", "9").text() +
                   death().at("2026-11-23T18:10:39Z").text();
  CHECK(head(log).starts_with("3 processes killed by SIGPIPE; between "));
}

TEST_CASE("what was not averted is in no count of what was") {
  const auto log = Record().set("count", "3").set("kills", "2").text();
  const auto with = log + death().text() + handled().set("count", "9").text();
  const Directory directory;
  std::ofstream(directory / "json") << report_of(with, {"--json"});
  const auto answers = run({"jq", "-r",
                            ".averted.count, .averted.kills, (.rows | length), .rows[0].count, .processes, "
                            ".killed[0].count, .handled[0].count, .killed[0].kind",
                            directory / "json"});
  CHECK(answers.out == "3\n2\n1\n3\n1\n1\n9\npipe\n");
  CHECK(report_of(with, {"--folded"}) == report_of(log, {"--folded"}));
  const auto metrics = report_of(with, {"--openmetrics"});
  CHECK(has(metrics, "nosigpipe_averted_total{exe=\"/srv/x\",call=\"write\",cause=\"peer_gone\"} 3\n"));
  CHECK(has(metrics, "nosigpipe_killed_total{exe=\"/srv/x\",call=\"write\",kind=\"pipe\"} 1\n"));
  CHECK(has(metrics, "nosigpipe_handled_total{exe=\"/srv/x\",call=\"write\",kind=\"pipe\"} 9\n"));
}

TEST_CASE("numbers stay at the largest rather than begin anew") {
  const auto log = Record().set("count", "99999999999999999999999").set("kills", "1").text() + Record().text();
  CHECK(has(head(log), "18,446,744,073,709,551,615 SIGPIPEs averted"));
}
