// nosigpipe-report --html: the page as a file. What a browser makes of it: browser_test.
#include <algorithm>
#include <cstdio>

#include "support/page.h"

namespace {

// What the data of a page says, by jq.
std::string asked(const std::string& page, const std::string& filter) {
  const Directory directory;
  std::ofstream(directory / "data") << data_of(page);
  return output_of({"jq", "-r", filter, directory / "data"});
}

std::string hash(const std::string& text) {
  const Directory directory;
  std::ofstream(directory / "text") << text;
  return output_of({"sh", "-c", "openssl dgst -sha256 -binary \"$0\" | base64", directory / "text"});
}

// All that is no data: it is the same in every page.
std::string frame_of(const std::string& page) { return with_data(page, ""); }

const Strings hostile{"</script><script>alert(1)</script>",
                      "<!--<script>",
                      "]]>",
                      "-->",
                      "\xe2\x80\xa8 \xe2\x80\xa9",
                      "\xff\xfe\x80",
                      "\\x22 onerror=\\x22alert(1)",
                      "' autofocus onfocus='alert(1)",
                      "javascript:alert(1)",
                      "&lt;b&gt;&amp;&#60;",
                      "${alert(1)}`",
                      "\x1b[2J\x07"};

}  // namespace

TEST_CASE("the page holds the report of --json and the stacks of --folded") {
  const auto log = Record().set("stack", "\"/srv/x+0x10;/lib/c+0x20\"").text() + Record().set("count", "4").text() +
                   Record().set("event", "passed").set("kind", "pipe").text();
  const auto page = page_of(log);
  CHECK(page.starts_with("<!doctype html>\n"));
  CHECK(page.ends_with("</html>\n"));
  const Directory directory;
  std::ofstream(directory / "report") << report_of(log, {"--json"});
  CHECK(asked(page, ".report") == output_of({"jq", "-r", ".", directory / "report"}));
  CHECK(asked(page, ".stacks") == report_of(log, {"--folded"}) + "\n");
}

TEST_CASE("rows that are no call sites have no stacks") {
  const auto page = page_of(Record().text(), {"--by=peer"});
  CHECK(asked(page, ".stacks") == "\n");
  CHECK(asked(page, ".report.rows[0].name") == "10.0.0.1\n");
}

TEST_CASE("the page's rows are those of --top and --since") {
  const auto log = Record().text() + Record().set("offset", "0x9000").at("2026-11-23T18:10:39Z").text();
  CHECK(asked(page_of(log), ".report.rows | length") == "2\n");
  CHECK(asked(page_of(log, {"--top=1"}), ".report.rows | length") == "1\n");
  CHECK(asked(page_of(log, {"--since=2026-11-23"}), ".report.rows[].offset") == "0x9000\n");
}

TEST_CASE("the policy lets the page's one script and one style through, by their hashes, and nothing else") {
  const auto page = page_of(Record().text());
  const auto script = between(page, "<script type=\"module\">", "</script>");
  const auto style = between(page, "<style>", "</style>");
  REQUIRE(script.size() > 10'000);
  REQUIRE(style.size() > 3'000);
  const auto policy = between(page, "<meta http-equiv=\"Content-Security-Policy\" content=\"", "\">");
  const auto quoted = [](const std::string& text) { return "'sha256-" + text.substr(0, text.size() - 1) + "'"; };
  CHECK(policy == "default-src 'none'; script-src " + quoted(hash(script)) + "; style-src " + quoted(hash(style)) +
                      "; base-uri 'none'; form-action 'none'");
  // In the head, before what it is about.
  CHECK(page.find(policy) < page.find("<style>"));
  CHECK(matches(frame_of(page), "(<script|<style|<link|<img|<iframe|<base)").size() == 3);
}

TEST_CASE("the page asks for nothing: it names no address") {
  const auto frame = frame_of(page_of(Record().text()));
  for (const char* word : {"http:", "https:", "//www", "src=", "url(", "@import", "fetch(", "XMLHttp", "sendBeacon"}) {
    INFO(word);
    CHECK(!has(frame, word));
  }
}

TEST_CASE("the script makes no markup and no code of a text") {
  const auto frame = frame_of(page_of(Record().text()));
  for (const char* word : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(",
                           "Function(", "createContextualFragment", "srcdoc", "setHTML", "location"}) {
    INFO(word);
    CHECK(!has(frame, word));
  }
}

TEST_CASE("no text of a log ends the data or begins anything else") {
  const auto harmless = page_of(Record().text());
  for (const auto& text : hostile)
    for (const std::string field : {"thread", "exe", "module", "symbol", "peer", "stack", "cause", "call"}) {
      INFO(field << " " << text);
      const auto page = page_of(Record().set(field, "\"" + text + "\"").set("socket", "unix").text());
      CHECK(frame_of(page) == frame_of(harmless));
      CHECK(data_of(page).find_first_of("<>&") == std::string::npos);
      CHECK(std::ranges::all_of(data_of(page), [](unsigned char c) { return (c >= ' ' && c < 0x7f) || c == '\n'; }));
      CHECK(asked(page, ".report.averted.count") == "1\n");
    }
}

TEST_CASE("a hostile text is in the data as it was in the log") {
  const auto page = page_of(Record().set("symbol", "\"</script><!--&\\x27\"").text());
  CHECK(asked(page, ".report.rows[0].function") == "</script><!--&'\n");
  CHECK(has(data_of(page), "\\u003c/script\\u003e\\u003c!--\\u0026'"));
}

TEST_CASE("what is passed is as harmless as a row") {
  const auto log = Record().set("event", "passed").set("kind", "fifo").set("path", "\"/</script>\"").text();
  const auto page = page_of(log);
  CHECK(asked(page, ".report.killed[0].from") == "/</script>\n");
  CHECK(frame_of(page) == frame_of(page_of("")));
}

TEST_CASE("a name of 1 MiB is no record, and one of 15 KiB stays what it is") {
  const auto named = [](size_t size) { return Record().set("symbol", "\"" + repeated("<", size) + "\"").text(); };
  CHECK(asked(page_of(named(1 << 20) + Record().text()), ".report.too_long") == "1\n");
  CHECK(asked(page_of(named(15'000)), ".report.rows[0].function | length") == "15000\n");
}

TEST_CASE("an empty log gives a page, too") {
  const auto page = page_of("");
  CHECK(asked(page, ".report.summary") == "No SIGPIPE: the log has no records.\n");
  CHECK(page.size() < 100'000);
}

TEST_CASE("the page of 100,000 sites has a row for each of the most frequent, and the others as one") {
  std::string log;
  for (int i = 0; i < 100'000; ++i) {
    char offset[16];
    std::snprintf(offset, sizeof offset, "0x%x", 0x1000 + i);
    log += Record().set("offset", offset).text();
  }
  const auto page = page_of(log, {"--symbolizer=none"});
  CHECK(asked(page, "(.report.rows | length) + .report.others.rows") == "100000\n");
  CHECK(asked(page, "([.report.rows[].count] | add) + .report.others.count") == "100000\n");
}

TEST_CASE("a page goes to a file or a pipe, and not to a terminal") {
  const Directory directory;
  std::ofstream(directory / "log") << Record().text();
  const auto on_terminal = [&](const std::string& options) {
    return run({"script", "-qec", built("nosigpipe-report") + " --html " + options, "/dev/null"});
  };
  const Ending refused = on_terminal(directory / "log");
  CHECK(refused.exited(2));
  CHECK(refused.out == "nosigpipe-report: --html is for a browser, not for a terminal; give --output=FILE\r\n");
  const auto page = directory / "page.html";
  CHECK(on_terminal("--output=" + page + " " + directory / "log").exited(0));
  CHECK(contents(page) == page_of(Record().text()));
}

TEST_CASE("a command whose page has nowhere to go is not run") {
  const Directory directory;
  const auto ran = directory / "ran";
  const auto reporting = built("nosigpipe-report") + " --run --html ";
  const Ending refused = run({"script", "-qec", reporting + "touch " + ran, "/dev/null"});
  CHECK(refused.exited(2));
  CHECK(!std::filesystem::exists(ran));
  const auto page = directory / "page.html";
  CHECK(run({"script", "-qec", reporting + "--output=" + page + " touch " + ran, "/dev/null"}).exited(0));
  CHECK(std::filesystem::exists(ran));
  CHECK(asked(contents(page), ".report.records") == "0\n");
}

TEST_CASE("a page is no other form at once") {
  const Ending ending = report_on(Record().text(), {"--html", "--json"});
  CHECK(ending.exited(2));
  CHECK(has(ending.err, "give only one of --json, --html, --folded and --openmetrics"));
}
