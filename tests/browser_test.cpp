// nosigpipe-report --html in a real browser: what it shows, what it asks for, and what a log can make it do.
#include "support/chromium.h"

#include <algorithm>

#include "support/page.h"

namespace {

// A page in a file of its own.
class Page {
 public:
  explicit Page(const std::string& text) { std::ofstream(name()) << text; }
  std::string name() const { return directory_ / "page.html"; }

 private:
  Directory directory_;
};

struct Opened : Chromium {
  explicit Opened(const std::string& text) : page(text) {
    show(1280, false);
    open(page.name());
  }
  unsigned count(const std::string& selector) {
    return static_cast<unsigned>(std::stoul(ask("document.querySelectorAll(`" + selector + "`).length")));
  }
  std::string text(const std::string& selector) { return ask("document.querySelector(`" + selector + "`).innerText"); }
  std::string focused() { return ask("document.activeElement.innerText"); }
  Page page;
};

void is_quiet(const Chromium& page) {
  CAPTURE(page.complaints(), page.requests());
  CHECK(page.complaints().empty());
  CHECK(page.requests().size() == 1);
}

Record call(const std::string& name, const std::string& offset, unsigned count) {
  const auto number = std::to_string(count);
  return Record().set("symbol", "\"" + name + "\"").set("offset", offset).set("count", number).set("kills", number);
}

// One of everything.
std::string full_log() {
  return call("serve", "0x10", 30).set("stack", "\"/srv/x+0x100;/srv/x+0x200\"").text() +
         call("flush", "0x20", 10).set("stack", "\"/srv/x+0x180;/srv/x+0x200\"").set("cause", "reset").text() +
         call("log", "0x30", 2).set("event", "observed").at("2026-11-22T19:10:39Z").text() +
         Record().set("event", "passed").set("kind", "fifo").set("path", "\"/run/fifo\"").text() +
         Record().set("event", "passed").set("kind", "pipe").set("would_kill", "no").set("kills", "0").text() +
         Record().set("event", "runaway").set("epipes", "99").set("action", "throttle").text() +
         Record().text().substr(0, 80) + "\n";
}

// The page of one site, made into one of so many.
std::string page_of_sites(unsigned number) {
  const auto page = page_of(call("serve", "0x10", 3).text());
  const auto row = between(data_of(page), "\"rows\":[", "],\"causes\"");
  std::string rows, stacks;
  for (unsigned i = 0; i < number; ++i) {
    const auto name = "function_" + std::to_string(i);
    rows += (rows.empty() ? "" : ",") + replaced(row, "serve", name);
    stacks += "x;main;worker_" + std::to_string(i % 700) + ";step_" + std::to_string(i % 9) + ";" + name + " 3\\n";
  }
  auto data = data_of(page);
  data.replace(data.find(row), row.size(), rows);
  const auto stack = between(data, "\"stacks\":\"", "\"");
  data.replace(data.find(stack), stack.size(), stacks);
  return with_data(page, data);
}

// Of what is on the screen, the lowest contrast of a text with what is behind it, as WCAG has it.
const char kContrast[] = R"((() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const light = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let worst = [21, ''];
  for (const node of document.querySelectorAll('body *')) {
    const style = getComputedStyle(node);
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility() || node.disabled || style.color === 'rgba(0, 0, 0, 0)') continue;
    const behind = [];
    for (let at = node; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
    const [a, b] = [light(behind), light([...behind, style.color])].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst[0]) worst = [ratio, node.className + ' ' + node.textContent.slice(0, 40)];
  }
  return worst[0].toFixed(2) + ' ' + worst[1];
})())";

}  // namespace

TEST_CASE("the page opens without a complaint and asks the network for nothing") {
  for (const Strings& options : {Strings{}, {"--by=peer"}, {"--by=cause"}, {"--since=2027-01-01"}}) {
    CAPTURE(options);
    Opened page(page_of(full_log(), options));
    is_quiet(page);
    CHECK(page.count("h1") == 1);
  }
  Opened empty(page_of(""));
  is_quiet(empty);
  CHECK(empty.text("h1") == "No SIGPIPE");
}

TEST_CASE("the control: what a page asks for and complains of is noticed") {
  auto text = page_of(full_log());
  text.insert(text.find("</body>"), "<img src='http://192.0.2.1/x.png'><script>window.struck = 1</script>");
  Opened page(text);
  CHECK(page.complaints().size() == 2);  // the policy has refused both
  CHECK(page.ask("window.struck") == "undefined");
  const auto policy = between(text, "<meta http-equiv", ">");
  text.replace(text.find(policy), policy.size(), "");
  Opened unguarded(text);
  CHECK(unguarded.requests().size() == 2);
  CHECK(unguarded.ask("window.struck") == "1");
}

TEST_CASE("the answer comes first: what was killed, what would have been, where") {
  Opened page(page_of(full_log()));
  CHECK(page.text("h1") == "SIGPIPE killed 1 process");
  CHECK(has(page.text(".culprit"), "/srv/x by a FIFO that nobody reads, /run/fifo, in write"));
  CHECK(has(page.text(".culprit + .culprit"), "serve"));
  CHECK(has(page.text(".culprit + .culprit"), "30 times"));
  Opened alive(page_of(call("serve", "0x10", 3).text()));
  CHECK(alive.text("h1") == "SIGPIPE would have killed 3 times");
  Opened harmless(page_of(Record().set("kills", "0").text()));
  CHECK(harmless.text("h1") == "No SIGPIPE was deadly");
}

TEST_CASE("there is a section for each thing that is known, and a link to it that works") {
  Opened page(page_of(full_log()));
  CHECK(page.ask("[...document.querySelectorAll('section')].map(s => s.id).join(' ')") ==
        "killed sites timeline flames peers causes handled log");
  CHECK(page.ask("[...document.querySelectorAll('a')].every(a => document.getElementById(a.hash.slice(1)))") == "true");
  page.click("nav a[href='#peers']");
  CHECK(page.ask("location.hash") == "#peers");
  CHECK(page.ask("document.getElementById('peers').getBoundingClientRect().top < innerHeight") == "true");
  CHECK(has(page.text("#causes"), "reset"));
  CHECK(has(page.text("#log"), "Runaway: thread worker of /srv/x"));
  CHECK(has(page.text("#log"), "1 line is damaged"));
}

TEST_CASE("a row opens its chain and peers, by the mouse and by the keyboard") {
  Opened page(page_of(full_log()));
  CHECK(page.count("#sites dl") == 0);
  page.click("#sites summary");
  CHECK(page.count("#sites dl") == 1);
  CHECK(page.ask("[...document.querySelectorAll('#sites .chain li')].map(li => li.querySelector('.source').innerText)"
                 ".join(' ')") == "x+0x10 x+0x100 x+0x200");
  CHECK(has(page.text("#sites dl"), "10.0.0.1"));
  page.click("#sites summary");
  CHECK(page.ask("document.querySelector('#sites details').open") == "false");
  page.press("Enter");
  CHECK(page.ask("document.querySelector('#sites details').open") == "true");
  CHECK(page.count("#sites dl") == 1);
}

TEST_CASE("everything is reached by Tab, in its order, and is seen to be focused") {
  Opened page(page_of(full_log()));
  std::string reached;
  for (int i = 0; i < 25; ++i) {
    page.press("Tab");
    if (page.ask("document.activeElement === document.body") == "true") break;
    INFO(page.ask("document.activeElement.outerHTML"));
    CHECK(page.ask("getComputedStyle(document.activeElement).outlineStyle") != "none");
    reached += page.ask("document.activeElement.closest('section')?.id ?? 'header'") + " ";
  }
  INFO(reached);
  CHECK(reached == repeated("header ", 10) + "killed sites sites sites sites sites timeline flames handled ");
}

TEST_CASE("everything that can be used has a name") {
  Opened page(page_of(full_log()));
  CHECK(page.count("button, a, summary, input, select") > 15);
  CHECK(page.ask("[...document.querySelectorAll('button, a, summary')].every(node => node.textContent.trim())") ==
        "true");
  CHECK(page.ask("[...document.querySelectorAll('input, select')].every(node => node.labels.length)") == "true");
  CHECK(page.ask("[...document.querySelectorAll('[role=group], section, nav, ol.rows')].every(node => "
                 "node.ariaLabel || document.getElementById(node.getAttribute('aria-labelledby')))") == "true");
  CHECK(page.ask("document.documentElement.lang") == "en");
}

TEST_CASE("the filter leaves the rows with its words, and the order is the reader's") {
  Opened page(page_of(full_log()));
  const std::string type =
      "(text => { const filter = document.getElementById('filter'); filter.value = text; "
      "filter.dispatchEvent(new Event('input')); })";
  CHECK(page.count("#sites .rows > li") == 3);
  page.ask(type + "('FLUSH')");
  CHECK(page.count("#sites .rows > li") == 1);
  page.ask(type + "('x+0x18')");  // in the chain
  CHECK(page.count("#sites .rows > li") == 1);
  page.ask(type + "('(.*')");
  CHECK(page.count("#sites .rows > li") == 0);
  page.ask(type + "('')");
  page.ask(
      "(order => { order.value = 'latest'; order.dispatchEvent(new Event('change')); })"
      "(document.getElementById('order'))");
  CHECK(has(page.text("#sites summary"), "log"));
  is_quiet(page);
}

TEST_CASE("a click on a frame of the flame graph zooms to it, and its sites are listed") {
  Opened page(page_of(full_log()));
  const auto widths =
      "[...document.querySelectorAll('.flames > *')].map(f => f.innerText + ' ' + f.style.width)"
      ".join(', ')";
  const auto whole = page.ask(widths);
  INFO(whole);
  CHECK(has(whole, "all 100%, x 100%, x+0x200 95.2381%"));
  CHECK(has(whole, "x+0x180 23.8095%"));
  page.ask("[...document.querySelectorAll('.flames > *')].find(f => f.innerText === 'x+0x180').id = 'this'");
  page.click("#this");
  const auto zoomed = page.ask(widths);
  INFO(zoomed);
  CHECK(has(zoomed, "x+0x180 100%"));
  CHECK(!has(zoomed, "x+0x100"));
  CHECK(page.focused() == "x+0x180");
  CHECK(page.text("#flames .told") == "x+0x180: 10 of 42, 23.8%");
  page.click("#flames .controls button + button");
  CHECK(page.ask("document.getElementById('filter').value") == "x+0x180");
  CHECK(page.count("#sites .rows > li") == 1);
  page.click("#flames .controls button");
  CHECK(has(page.ask(widths), "x+0x200 100%"));
  is_quiet(page);
}

TEST_CASE("the flame graph is one stop of Tab, in which the arrows move, Enter zooms in and Escape out") {
  Opened page(page_of(full_log()));
  CHECK(page.count(".flames [tabindex='0']") == 1);
  page.ask("document.querySelector('.flames button').focus()");
  for (const std::string frame : {"x", "x+0x200", "x+0x100"}) {
    page.press("ArrowDown");
    CHECK(page.focused() == frame);
  }
  page.press("ArrowRight");
  CHECK(page.focused() == "x+0x180");
  CHECK(has(page.text("#flames .told"), "10 of 42"));
  page.press("ArrowLeft");
  CHECK(page.focused() == "x+0x100");
  page.press("ArrowLeft");
  CHECK(page.focused() == "x+0x100");
  page.press("ArrowUp");
  CHECK(page.focused() == "x+0x200");
  page.press("ArrowDown");
  page.press("Enter");
  CHECK(page.ask("document.activeElement.style.width") == "100%");
  CHECK(page.focused() == "x+0x100");
  page.press("Escape");
  page.press("Escape");
  CHECK(page.focused() == "x");
  CHECK(page.count(".flames [tabindex='0']") == 1);
}

TEST_CASE("the timeline says how many there were when, to the keyboard, too") {
  Opened page(page_of(full_log()));
  CHECK(has(page.text("#timeline .told"), "At most 40 in "));
  page.ask("document.querySelector('.timeline').focus()");
  page.press("ArrowRight");
  CHECK(has(page.text("#timeline .told"), "2026-11-22 18:10:39 UTC: 40 in "));
}

TEST_CASE("no log runs a script, makes markup or an attribute") {
  const Strings hostile{"</script><script>struck=1</script>",
                        "<!--<script>struck=1</script>",
                        "<img src=x onerror=struck=1>",
                        "\\x22 onfocus=struck=1 autofocus \\x22",
                        "' onmouseover='struck=1",
                        "javascript:struck=1",
                        "\xe2\x80\xa8struck=1\xe2\x80\xa9",
                        "\\xe2\\x80\\xaestruck=1",
                        "\xff\xfe<svg/onload=struck=1>",
                        "${struck=1}`;struck=1"};
  std::string log;
  for (const auto& text : hostile) {
    Record record;
    for (const char* field : {"thread", "exe", "module", "symbol", "peer", "cause", "call", "build_id", "path"})
      record.set(field, "\"" + text + "\"");
    record.set("socket", "unix").set("stack", "\"" + text + "+0x1;" + text + "+0x2\"");
    log += record.text();
    log += record.set("event", "passed").set("kind", "\"" + text + "\"").text();
    log += record.set("event", "runaway").set("action", "\"" + text + "\"").set("epipes", "9").text();
  }
  Opened page(page_of(log));
  page.ask("document.querySelectorAll('details').forEach(details => { details.open = true; })");
  page.ask("document.querySelectorAll('.flames button').forEach(frame => { frame.focus(); })");
  page.ask("document.querySelectorAll('.more button').forEach(button => { button.click(); })");
  CHECK(page.count("#sites dl") == hostile.size());
  is_quiet(page);
  CHECK(page.ask("window.struck") == "undefined");
  CHECK(page.ask("document.title") == "nosigpipe report");
  CHECK(page.count("script") == 2);
  CHECK(page.count("img, svg, iframe, object, embed, form, base, link") == 0);
  CHECK(page.ask("[...document.querySelectorAll('*')].every(node => [...node.attributes].every(attribute => "
                 "!attribute.name.startsWith('on') && !attribute.value.includes('struck')))") == "true");
  CHECK(page.ask("[...document.querySelectorAll('a')].every(a => a.getAttribute('href')[0] === '#')") == "true");
  const auto shown = page.text("body");
  for (const char* text : {"</script><script>struck=1</script>", "<!--<script>", "<img src=x onerror=struck=1>",
                           "\\xe2\\x80\\xaestruck=1", "\\xff\\xfe<svg/onload=struck=1>"}) {
    INFO(text);
    CHECK(has(shown, text));
  }
}

TEST_CASE("a name of 1 MiB is shown by its end") {
  const auto page = page_of(call("NAME", "0x10", 3).text());
  const auto data = data_of(page);
  std::string longer = data;
  for (size_t at = 0; (at = longer.find("NAME", at)) != std::string::npos;) {
    const auto name = repeated("<b>A", 1 << 18);
    std::string escaped;
    for (const char c : name) escaped += c == '<' ? "\\u003c" : std::string(1, c);
    longer.replace(at, 4, escaped + "END");
    at += escaped.size();
  }
  Opened opened(with_data(page, longer));
  is_quiet(opened);
  CHECK(has(opened.text("#sites"), "AEND"));
  CHECK(opened.ask("document.body.innerText.length < 30000") == "true");
  CHECK(opened.ask("document.documentElement.scrollWidth <= 1280") == "true");
}

TEST_CASE("of 1 or 1,000 or 100,000 sites as much is drawn as can be read") {
  for (const unsigned number : {1u, 1000u, 100'000u}) {
    INFO(number);
    Opened page(page_of_sites(number));
    is_quiet(page);
    CHECK(page.count("#sites .rows > li") == std::min(number, 20u));
    CHECK(page.count("*") < 3000);
    CHECK(page.count(".flames > *") < 2000);
    if (number == 1) continue;
    page.click("#sites .more button");
    CHECK(page.count("#sites .rows > li") == 220);
    CHECK(has(page.text("#sites .more"), number == 1000 ? "220 of 1,000 shown" : "220 of 100,000 shown"));
    CHECK(has(page.focused(), "function_20"));
    page.ask("(filter => { filter.value = 'function_" + std::to_string(number - 1) +
             "'; filter.dispatchEvent(new Event('input')); })(document.getElementById('filter'))");
    CHECK(page.count("#sites .rows > li") == 1);
    CHECK(has(page.text("#flames"), " more"));
  }
}

TEST_CASE("the page is read on a telephone and a desk, by day and by night") {
  Opened page(page_of(full_log()));
  std::string paper;
  for (const unsigned width : {1280u, 390u})
    for (const bool dark : {false, true}) {
      INFO(width << (dark ? " dark" : " light"));
      page.show(width, dark);
      page.open(page.page.name());
      page.ask("document.querySelectorAll('details').forEach(details => { details.open = true; })");
      CHECK(page.ask("document.documentElement.scrollWidth <= " + std::to_string(width)) == "true");
      const auto now = page.ask("getComputedStyle(document.documentElement).backgroundColor");
      CHECK(now != paper);
      paper = now;
      const auto contrast = page.ask(kContrast);
      INFO(contrast);
      CHECK(std::stod(contrast) >= 4.5);
      page.save_screenshot(built("tests/page-" + std::to_string(width) + (dark ? "-dark.png" : "-light.png")));
    }
}
