// nosigpipe-report: functions of what an interpreter or JIT compiler has made, by /tmp/perf-PID.map, and when that is
// not to be believed.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/report_log.h"

namespace {

constexpr long kStarted = 1'000'000'000;

// Of a process that cannot be: pids end at 4,194,304.
class Map {
 public:
  explicit Map(const std::string& text = {}) {
    if (!text.empty()) std::ofstream(path()) << text;
  }
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;
  ~Map() { unlink(path().c_str()); }

  std::string pid() const { return std::to_string(5'000'000 + getpid()); }
  std::string path() const { return "/tmp/perf-" + pid() + ".map"; }
  // Of a write in the interpreter for what returns to this place.
  std::string record(const std::string& stack = "+0x7f0000001006",
                     const std::string& exe = "/opt/none/python3.13") const {
    return Record()
        .without("symbol")
        .set("exe", "\"" + exe + "\"")
        .set("module", "\"" + exe + "\"")
        .set("pid", pid())
        .set("uid", std::to_string(geteuid()))
        .set("started", std::to_string(kStarted))
        .set("stack", "\"" + exe + "+0x806e;" + stack + "\"")
        .text();
  }
};

const std::string of_python = "7f0000001000 f py::fetch:/srv/app.py\n";

void is_refused(const Map& map, const std::string& why, const std::string& log) {
  const auto report = report_of(log);
  INFO(report);
  CHECK(has(report, "Interpreted code: " + map.path() + " is not read, " + why + "."));
  CHECK(!has(report, "fetch"));
}

}  // namespace

TEST_CASE("a function of Python is named by the map of its process") {
  const Map map(of_python);
  const auto report = report_of(map.record());
  INFO(report);
  CHECK(has(report, "fetch  /srv/app.py"));
  CHECK(!has(report, "Interpreted code:"));
}

TEST_CASE("a function of Node is named with its line and before one of Node's own") {
  const Map map(
      "7f0000001000 f JS:*writeGeneric node:internal/stream_base_commons:141:22\n"
      "7f0000002000 f JS:~fetch /srv/app.js:14:9\n7f0000003000 f JS:^ /srv/app.js:20:1\n");
  const auto report = report_of(map.record("+0x7f0000001006;+0x7f0000002006;+0x7f0000003006", "/opt/none/node"));
  CHECK(has(report, "fetch  /srv/app.js:14"));
  const auto folded = report_of(map.record("+0x7f0000002006;+0x7f0000003006", "/opt/none/node"), {"--folded"});
  INFO(folded);
  CHECK(has(folded, "node;(anonymous);fetch;"));
}

TEST_CASE("of two lines of a map for one address the last counts, and one behind the end none") {
  const Map map(of_python + "7f0000001000 f py::later:/srv/app.py\n7f0000000f00 105 py::before:/srv/app.py\nrubbish\n");
  CHECK(has(report_of(map.record()), "later  /srv/app.py"));
  CHECK(has(report_of(map.record("+0x7f0000001010")), "python3.13+0x806e"));
}

TEST_CASE("a name of a map is escaped as all others") {
  const Map map("7f0000001000 f py::fe\033[31mtch:/srv/\177\n");
  CHECK(has(report_of(map.record()), "fe\\x1b[31mtch  /srv/\\x7f"));
}

TEST_CASE("two processes at the same function are one row") {
  const Map map(of_python + "7e0000001000 f py::fetch:/srv/app.py\n");
  const auto rows = lines_with("fetch  ", report_of(map.record() + map.record("+0x7e0000001006")));
  REQUIRE(rows.size() == 1);
  CHECK(has(rows[0], "     2 "));
}

TEST_CASE("a map that is no regular file is not read") {
  const Directory directory;
  std::ofstream(directory / "map") << of_python;
  const Map link;
  REQUIRE(symlink((directory / "map").c_str(), link.path().c_str()) == 0);
  is_refused(link, "it is a symbolic link", link.record());
  REQUIRE(unlink(link.path().c_str()) == 0);
  REQUIRE(mkfifo(link.path().c_str(), 0600) == 0);
  is_refused(link, "it is no regular file", link.record());
}

TEST_CASE("a map that is older than the process is not read") {
  const Map map(of_python);
  const timespec times[2] = {{kStarted - 1, 0}, {kStarted - 1, 0}};
  REQUIRE(utimensat(AT_FDCWD, map.path().c_str(), times, 0) == 0);
  is_refused(map, "it is older than the process", map.record());
}

TEST_CASE("a map of more than 64 MiB is not read") {
  const Map map(of_python);
  REQUIRE(truncate(map.path().c_str(), 64 * 1024 * 1024) == 0);
  CHECK(has(report_of(map.record()), "fetch  /srv/app.py"));
  REQUIRE(truncate(map.path().c_str(), 64 * 1024 * 1024 + 1) == 0);
  is_refused(map, "it is larger than 64 MiB", map.record());
}

TEST_CASE("a map of another user is read only where that is the process's") {
  if (geteuid() != 0) {
    WARN("skipped: only root can give a file away");
    return;
  }
  const Map map(of_python);
  REQUIRE(chown(map.path().c_str(), 65533, 65533) == 0);
  is_refused(map, "it is neither the process's user's nor yours", map.record());
  auto log = map.record();
  log.replace(log.find(" uid=0"), 6, " uid=65533");
  CHECK(has(report_of(log), "fetch  /srv/app.py"));
}

// Debian 13's can, Debian 12's cannot.
TEST_CASE("the function of a Python program is named where python3 can tell it") {
  const Ending can = run({"python3", "-c", "import sys; assert sys.version_info >= (3, 12)"});
  if (!can.exited(0)) {
    WARN("skipped: this python3 has no -X perf");
    return;
  }
  const Directory directory;
  const auto program = directory / "app.py";
  std::ofstream(program)
      << "import _socket, os\n"
         "def fetch(s):\n    try: s.send(b'x')\n    except OSError: pass\n"
         "def serve():\n    ours, theirs = _socket.socketpair()\n    theirs.close()\n    fetch(ours)\n"
         "serve()\nprint(os.getpid())\n";
  Start start = with_shim({"NOSIGPIPE_LOG=" + (directory / "log"), "NOSIGPIPE_STACK=32"});
  const auto pid = output_of({"python3", "-X", "perf", program}, start);
  const auto report = output_of({built("nosigpipe-report"), directory / "log"});
  const auto folded = output_of({built("nosigpipe-report"), "--folded", directory / "log"});
  unlink(("/tmp/perf-" + lines_of(pid).at(0) + ".map").c_str());
  INFO(report << folded);
  CHECK(has(report, "fetch  " + program));
  CHECK(has_match(folded, ";<module>;.*;serve;.*;fetch;"));
}

TEST_CASE("for an interpreter without a map the report says what to switch on") {
  const Map map;
  CHECK(has(report_of(map.record("")), "start python3 with -X perf (3.12 and later)."));
  CHECK(has(report_of(map.record("", "/opt/none/node")), "start node with --perf-basic-prof"));
  CHECK(!has(report_of(map.record("", "/opt/none/server")), "Interpreted code:"));
}
