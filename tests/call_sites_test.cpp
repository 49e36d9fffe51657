// What a call site is: the write and the callers that lead to it, each counted for itself, and none twice.
#include <signal.h>

#include <algorithm>
#include <map>
#include <set>

#include "support/expect.h"
#include "support/log_lines.h"
#include "support/source_tree.h"
#include "support/tracer.h"
#include "support/victims.h"

namespace {

Strings sites_victim(const Strings& words) { return victim("sites_victim", words); }

std::vector<Line> logged(const Strings& words, const Strings& variables = {}) {
  INFO(words.back());
  const Directory directory;
  lives(sites_victim(words), with_shim(joined({"NOSIGPIPE_LOG=" + directory / "log"}, variables)));
  return parsed(contents(directory / "log"));
}

// How often each way was gone, the rarest first.
std::vector<long> counts_of(const std::vector<Line>& lines) {
  std::map<std::string, long> ways;
  for (const auto& line : lines) ways[line["stack"]] += line.number("count");
  std::vector<long> counts;
  for (const auto& [way, count] : ways) counts.push_back(count);
  std::sort(counts.begin(), counts.end());
  return counts;
}

using Counts = std::vector<long>;

const std::string library = "library=" + built("tests/victims/libcaller.so");

// Of the lines of this kind.
size_t number_of(const std::vector<Line>& lines, const std::string& event) {
  return static_cast<size_t>(
      std::count_if(lines.begin(), lines.end(), [&](const Line& line) { return line["event"] == event; }));
}

}  // namespace

TEST_CASE("two callers of one write are two call sites") {
  for (const std::string& way : {library, std::string("stdio"), std::string("raw")}) {
    INFO(way);
    CHECK(counts_of(logged({way, "rarely=1", "often=200"})) == Counts{1, 200});
  }
}

TEST_CASE("without a stack they are one, at the write") {
  const auto lines = logged({library, "rarely=1", "often=200"}, {"NOSIGPIPE_STACK=0"});
  CHECK(counts_of(lines) == Counts{201});
  CHECK(number_of(lines, "total") == 1);
}

TEST_CASE("callers are told apart up to the program, however few are named") {
  const auto lines = logged({library, "rarely=1", "often=200"}, {"NOSIGPIPE_STACK=1"});
  CHECK(counts_of(lines) == Counts{1, 200});
}

TEST_CASE("the same way from two threads is one call site") {
  const auto lines = logged({"stdio", "threads=300"});
  CHECK(counts_of(lines) == Counts{600});
  CHECK(number_of(lines, "total") == 1);
}

TEST_CASE("the same way through frames of other sizes is one call site") {
  for (const std::string put : {"raw", "stdio"}) {
    const auto lines = logged({put, "sized=200"});
    CHECK(counts_of(lines) == Counts{200});
    CHECK(number_of(lines, "total") == 1);
  }
}

TEST_CASE("two callers of a function whose frames vary in size are two call sites") {
  for (const std::string& put : {std::string("raw"), std::string("stdio"), library})
    CHECK(counts_of(logged({put, "one-depth=100"})) == Counts{100, 100});
}

TEST_CASE("two callers of a function whose frame is aligned are two call sites") {
  for (const std::string& put : {std::string("raw"), std::string("stdio"), library})
    CHECK(counts_of(logged({put, "aligned=10"})) == Counts{40, 40});
}

TEST_CASE("each depth of a recursion is a call site") {
  CHECK(counts_of(logged({library, "deep=10"})) == Counts(10, 3));
}

TEST_CASE("the stack is followed on stacks that end where memory ends") {
  CHECK(counts_of(logged({library, "coroutines=50"})) == Counts{50, 50});
  CHECK(counts_of(logged({"stdio", "coroutines=50"})) == Counts{50, 50});
  CHECK(counts_of(logged({"small-thread=50"})) == Counts{50});
  CHECK(counts_of(logged({"stdio", "small-thread=50"})) == Counts{50});
  CHECK(counts_of(logged({"stdio", "alternate=50"})) == Counts{50});
  CHECK(counts_of(logged({library, "alternate=50"})) == Counts{50});
}

TEST_CASE("a handler that writes is one call site, whatever it interrupts") {
  for (const std::string put : {"raw", "stdio"}) CHECK(counts_of(logged({put, "alarms=200"})) == Counts{200});
}

TEST_CASE("more ways than can be kept lose no count") {
  const auto lines = logged({"stdio", "ways=2000", "ways=2000"}, {"NOSIGPIPE_RUNAWAY=off"});
  CHECK(count_of(lines) == 4000);
  const auto counts = counts_of(lines);
  CHECK(std::count(counts.begin(), counts.end(), 2L) > 1000);
}

TEST_CASE("a library that has taken the place of another is not taken for it") {
  const Directory directory;
  for (const std::string name : {"one", "other"})
    output_of({"g++", "-O1", "-fPIC", "-shared", "-Wl,--build-id=0x" + std::string(40, name == "one" ? 'a' : 'b'), "-o",
               directory / ("lib" + name + ".so"), source("tests/victims/libcaller.cpp")});
  const auto one = directory / "libone.so", other = directory / "libother.so";
  const auto lines = logged({"library=" + one, "often=50", "unload", "library=" + other, "often=20", "unload",
                             "library=" + one, "often=3", "unload"});
  std::map<std::string, long> counts;
  for (const auto& line : lines) counts[line.text("module")] += line.number("count");
  CHECK(counts == std::map<std::string, long>{{one, 53}, {other, 20}});
  std::set<std::string> places;
  for (const auto& line : lines) places.insert(line["offset"]);
  CHECK(places.size() == 1);  // else the second has not taken the place of the first
}

TEST_CASE("a line comes whenever as much is held back as has been told") {
  std::vector<long> counts;
  for (const auto& line : logged({"often=40"}, {"NOSIGPIPE_INTERVAL=3600000"})) counts.push_back(line.number("count"));
  CHECK(counts == Counts{1, 1, 2, 4, 8, 16, 8});
}

TEST_CASE("no signal that ends the program hides more than half") {
  const Directory directory;
  const auto log = directory / "log";
  const auto argv = sites_victim({"often=40", "wait"});
  is_killed_bare(argv);
  for (const int signal : {SIGTERM, SIGKILL}) {
    Process process(argv, with_shim({"NOSIGPIPE_LOG=" + log, "NOSIGPIPE_INTERVAL=3600000"}));
    CHECK(eventually([&] { return count_of(parsed(lines_so_far(log))) >= 32; }));
    process.signal(signal);
    CHECK(process.wait().killed_by(signal));
    const long told = count_of(parsed(contents(log)));
    CHECK(told >= 20);
    CHECK(told <= 40);
    std::filesystem::remove(log);
  }
}

TEST_CASE("what is overdue at one call site is brought out by an event at another") {
  const Directory directory;
  const auto log = directory / "log";
  const auto argv = sites_victim({"rarely=7", "until=200", "wait"});
  is_killed_bare(argv);
  Process process(argv, with_shim({"NOSIGPIPE_LOG=" + log, "NOSIGPIPE_INTERVAL=50"}));
  const auto told = [&] {
    long seven = 0;
    for (const auto& line : parsed(lines_so_far(log)))
      if (line["event"] == "total" && line["total"] == "7") seven += line.number("count");
    return seven;
  };
  CHECK(eventually([&] { return told() == 3; }, std::chrono::seconds(20)));
  process.signal(SIGKILL);
}

TEST_CASE("a child of vfork that fails to execute does not make a worker tell each event") {
  for (const Strings& before : {Strings{"fork"}, Strings{}}) {
    const Directory directory;
    const auto argv = sites_victim(joined(before, {"vfork-fails", "often=2000"}));
    CHECK(!run(argv).exited(0));
    CHECK(run(argv, with_shim({"NOSIGPIPE_LOG=" + directory / "log"})).exited(0));
    const auto lines = parsed(contents(directory / "log"));
    CHECK(count_of(lines) == 2001);
    CHECK(lines.size() < 20);
  }
}

namespace {

// How many system calls of this kind a run makes with a log; the last argument begins so.
long calls_of(const std::string& call, const Strings& words) {
  const Directory directory;
  const auto argv = joined(
      {"strace", "-f", "-qq", "-e", "trace=pread64,rt_sigprocmask", "-E", "LD_PRELOAD=" + built("libnosigpipe.so"),
       "-E", "NOSIGPIPE_INTERVAL=3600000", "-E", "NOSIGPIPE_RUNAWAY=off", "-E", "NOSIGPIPE_LOG=" + directory / "log"},
      sites_victim(words));
  const auto lines = lines_of(run(argv).err);
  return std::count_if(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(call) != std::string::npos; });
}

}  // namespace

TEST_CASE("/proc/self/maps is read for the first event alone, and not where there is none") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  const auto reads = [](const Strings& words) { return calls_of("pread64(", words); };
  const long none = reads({});
  CHECK(reads({"fork"}) == none);
  const long once = reads({"rarely=1"}) - none;
  CHECK(once > 0);
  CHECK(reads({"rarely=2", "often=300", "deep=3"}) - none == once);
}

TEST_CASE("the stack is followed once for each way, and then recognised") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  // All signals are blocked to follow it, and for each line.
  const auto blocked = [](const Strings& words) { return calls_of("rt_sigprocmask(SIG_BLOCK, ~[", words); };
  for (const std::string& way : {library, std::string("stdio"), std::string("raw")}) {
    INFO(way);
    // For the lines 2, 4 ... 256; and the first call of a hook, which looks at /proc, is a way of its own.
    CHECK(blocked({way, "often=300"}) - blocked({way, "often=1"}) == (way == library ? 9 : 8));
  }
}
