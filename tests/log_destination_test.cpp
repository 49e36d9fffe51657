// Where the log goes, through all that programs and their keepers do to it: closed, rotated, out of reach, full.
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <memory>
#include <regex>
#include <set>

#include "support/expect.h"
#include "support/log_lines.h"
#include "support/log_socket.h"
#include "support/source_tree.h"
#include "support/victims.h"

namespace {

// Bare, the connection alone is the end of the victim; all these words are its part under the shim.
void survives(const Strings& words, const Start& start) {
  is_killed_bare(totals_victim({words.front(), "write"}));
  const Ending ending = run(totals_victim(words), start);
  INFO(ending.text() << ending.out << ending.err);
  REQUIRE(ending.exited(0));
}

// A victim that waits, between its words, until it is told to go on.
class Waiting {
 public:
  Waiting(const Strings& words, Start start) {
    is_killed_bare(totals_victim({words.front(), "write"}));
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    input_ = ends[1];
    start.in = ends[0];
    process_ = std::make_unique<Process>(totals_victim(words), start);
    close(ends[0]);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { close(input_); }

  void go_on() const { REQUIRE(::write(input_, "x", 1) == 1); }
  void ends_well() const {
    const Ending ending = process_->wait();
    INFO(ending.text() << ending.out << ending.err);
    REQUIRE(ending.exited(0));
  }
  // It has come to its next `wait`.
  bool waits() const {
    const auto where = "/proc/" + std::to_string(process_->pid()) + "/wchan";
    return eventually([&] { return contents(where).find("pipe") != std::string::npos; });
  }

 private:
  int input_ = -1;
  std::unique_ptr<Process> process_;
};

bool has_lines(const std::string& path, size_t count) {
  return eventually([&] { return lines_of(lines_so_far(path)).size() >= count; });
}

void rotate(const Directory& directory, const std::string& how) {
  const auto configuration = directory / "logrotate.conf";
  std::ofstream(configuration) << directory / "log"
                               << " {\n  rotate 3\n  " << how << "\n  su root root\n}\n";
  std::filesystem::permissions(configuration, std::filesystem::perms(0644));
  output_of({"logrotate", "-f", "-s", directory / "state", configuration});
}

bool is_root() { return geteuid() == 0; }

std::string only_for_root(const Directory& directory) {
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  const auto place = directory / "private";
  std::filesystem::create_directory(place);
  std::filesystem::permissions(place, std::filesystem::perms(0700));
  return place;
}

}  // namespace

TEST_CASE("percent signs in the path are the process and the program") {
  const Directory directory;
  is_killed_bare(totals_victim({"unix-closed", "write"}));
  Process process(totals_victim({"unix-closed", "write"}), logging_to(directory / "%e-%p-%%-%x.log"));
  REQUIRE(process.wait().exited(0));
  const auto log = directory / ("totals_victim-" + std::to_string(process.pid()) + "-%-%x.log");
  CHECK(parsed(contents(log)).size() == 1);
}

TEST_CASE("a child of fork has a file of its own where the path says so") {
  const Directory directory;
  survives({"unix-closed", "write", "fork", "write"}, logging_to(directory / "log.%p"));
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    const auto name = entry.path().filename().string();
    for (const auto& line : parsed(contents(entry.path()))) CHECK(name == "log." + line["pid"]);
    names.insert(name);
  }
  CHECK(names.size() == 2);
}

TEST_CASE("a child of vfork opens no log of its own, since what it opens its parent would not have") {
  const Directory directory;
  survives({"unix-closed", "write", "vfork-writes", "write"}, logging_to(directory / "log.%p"));
  Strings files;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) files.push_back(entry.path());
  REQUIRE(files.size() == 1);
  CHECK(count_of(parsed(contents(files[0]))) == 3);
}

TEST_CASE("the log goes on when logrotate has moved it away") {
  if (!is_root()) SKIP_TEST("logrotate is run as root");
  for (const std::string how : {"create", "nocreate", "copytruncate"}) {
    INFO(how);
    const Directory directory;
    std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
    const auto log = directory / "log";
    const Waiting program({"unix-closed", "write", "wait", "write", "wait", "write"}, logging_to(log));
    REQUIRE(has_lines(log, 1));
    rotate(directory, how);
    program.go_on();
    REQUIRE(has_lines(log, 1));
    rotate(directory, how);
    program.go_on();
    program.ends_well();
    CHECK(parsed(contents(log), "averted").size() == 1);
    CHECK(parsed(contents(log + ".1")).size() == 1);
    CHECK(parsed(contents(log + ".2")).size() == 1);
  }
}

TEST_CASE("the log goes on when the program has closed every descriptor") {
  const Directory directory;
  survives({"unix-closed", "write", "close-all", "write", "take-all", "write", "print"}, logging_to(directory / "log"));
  CHECK(count_of(parsed(contents(directory / "log"))) == 4);
}

TEST_CASE("a file of the program's that has got the number of the log has nothing written into it") {
  const Directory directory;
  const auto other = directory / "other";
  survives({"unix-closed", "write", "take-all=" + other, "write", "print"}, logging_to(directory / "log"));
  CHECK(count_of(parsed(contents(directory / "log"))) == 3);
  CHECK(std::filesystem::exists(other));
  CHECK(contents(other).empty());
}

namespace {

// With the log in a file, and in a pipe that is soon full.
void survives_in_file_and_pipe(const Strings& words) {
  const Directory directory;
  survives(words, logging_to(directory / "log", {"NOSIGPIPE_RUNAWAY=off"}));
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  Start start = logging_to("stderr", {"NOSIGPIPE_RUNAWAY=off"});
  start.err = ends[1];
  char newline = '\n';
  const iovec one{&newline, 1};
  const bool can_be_told = pwritev2(ends[1], &one, 1, -1, RWF_NOWAIT) == 1;
  if (can_be_told) survives(words, start);
  close(ends[0]);
  close(ends[1]);
  if (!can_be_told) SKIP_TEST("before Linux 6.4 a pipe cannot be told not to wait");
}

}  // namespace

TEST_CASE("a number that the program has just closed and gives to a file of its own is never taken for a line") {
  survives_in_file_and_pipe({"unix-closed", "write", "replace=20000"});
}

TEST_CASE("a child that is forked while a line is written has no descriptor more") {
  survives_in_file_and_pipe({"unix-closed", "write", "children=300"});
}

TEST_CASE("the log goes on where no descriptor can be opened any more") {
  const Directory directory;
  survives({"unix-closed", "write", "no-numbers", "write", "print"}, logging_to(directory / "log"));
  const auto lines = parsed(contents(directory / "log"));
  CHECK(count_of(lines) == 3);
  for (const auto& line : lines) CHECK(line.text("module") == built("tests/victims/totals_victim"));
}

TEST_CASE("where there is no journal, the journal is not what is advised") {
  if (std::filesystem::exists("/run/systemd/journal/socket")) SKIP_TEST("a journal is here");
  const Ending ending = lives(totals_victim({"unix-closed", "write"}), logging_to("journal"));
  CHECK(has(ending.err, "cannot open the log \"/run/systemd/journal/socket\""));
  CHECK(ending.err.ends_with("may write to\n"));
}

TEST_CASE("what is met before a descriptor can be opened is counted, and stderr is told") {
  const Directory directory;
  const Strings words{"unix-closed", "no-numbers", "write", "write", "close-all", "write"};
  const Ending ending = lives(totals_victim(words), logging_to(directory / "log"));
  CHECK(ending.err == "nosigpipe: cannot open the log \"" + directory / "log" +
                          "\": Too many open files; nothing is logged until it can be\n");
  const auto lines = parsed(contents(directory / "log"));
  CHECK(count_of(lines) == 3);
  CHECK(lines.front().number("lost") == 2);
  for (const auto& line : lines) CHECK(line.text("module") == built("tests/victims/totals_victim"));
}

TEST_CASE("the log goes on in a chroot, knows the place there, and makes no file inside") {
  if (!is_root()) SKIP_TEST("only root can chroot");
  const Directory directory;
  const Directory prison;
  std::filesystem::create_directories(prison.path() + directory.path());
  survives({"unix-closed", "chroot=" + prison.path(), "write", "fork", "write", "print"},
           logging_to(directory / "log"));
  const auto lines = parsed(contents(directory / "log"));
  CHECK(count_of(lines) == 3);
  for (const auto& line : lines) CHECK(line.text("module") == built("tests/victims/totals_victim"));
  CHECK(!std::filesystem::exists(prison.path() + directory / "log"));
}

TEST_CASE("the log goes on when the program has given up its rights") {
  if (!is_root()) SKIP_TEST("only root has rights to give up");
  const Directory directory;
  for (const std::string function : {"setuid", "seteuid", "setreuid", "setresuid"}) {
    INFO(function);
    const auto log = only_for_root(directory) + "/" + function;
    survives({"unix-closed", "become-nobody=" + function, "write", "print"}, logging_to(log));
    const auto lines = parsed(contents(log));
    CHECK(count_of(lines) == 2);
    for (const auto& line : lines) CHECK(line.text("module") == built("tests/victims/totals_victim"));
  }
}

TEST_CASE("systemd takes the README's recipe for a unit with a user") {
  const Directory directory;
  const auto unit = directory / "server.service";
  std::ofstream(unit) << "[Service]\nExecStart=/bin/true\nUser=root\n";
  std::filesystem::create_directory(unit + ".d");
  const auto page = contents(source("README.md"));
  const auto begin = page.find("    [Service]\n");
  REQUIRE(begin != std::string::npos);
  auto recipe = page.substr(begin, page.find("\n\n", begin) - begin) + "\n    LogsDirectory=server\n";
  CHECK(has(page, "`LogsDirectory=server`"));
  CHECK(has(recipe, "NOSIGPIPE_LOG=journal"));
  const auto said = [&] {
    std::ofstream(unit + ".d/nosigpipe.conf") << replaced(recipe, "(^|\n) +", "$1");
    Start start;
    start.env = {"SYSTEMD_UNIT_PATH=" + directory.path() + ":"};
    return run({"systemd-analyze", "verify", unit}, start).err;
  };
  CHECK(!has(said(), "nosigpipe.conf"));
  recipe.replace(recipe.find("Environment"), 11, "Surroundings");
  if (!has(said(), "nosigpipe.conf")) SKIP_TEST("systemd-analyze is not here");
}

TEST_CASE("a program that changes to the user that it is has no log before its first event") {
  if (!is_root()) SKIP_TEST("only root has rights to give up");
  const Directory directory;
  const auto as_root = joined({"setpriv", "--reuid=0"}, totals_victim({"unix-closed"}));
  CHECK(run(as_root, logging_to(directory / "log")).exited(0));
  CHECK(!std::filesystem::exists(directory / "log"));
}

TEST_CASE("a user who may not write there is told so once, and nothing if there is no event") {
  if (!is_root()) SKIP_TEST("only root can be another user");
  const Directory directory;
  const auto start = logging_to(only_for_root(directory) + "/log");
  const auto as_nobody = [](const Strings& words) {
    return joined({"setpriv", "--reuid=65534", "--clear-groups"}, totals_victim(words));
  };
  const Ending quiet = run(as_nobody({"unix-closed"}), start);
  if (!quiet.exited(0)) SKIP_TEST("another user cannot start what is built here");
  CHECK(quiet.err.empty());
  CHECK(lives(as_nobody({"unix-closed", "write", "storm=50", "print"}), start).err ==
        "nosigpipe: cannot open the log \"" + directory / "private/log" +
            "\": Permission denied; nothing is logged until it can be. Set NOSIGPIPE_LOG to a path that user 65534 may "
            "write to, or to journal\n");
}

TEST_CASE("what a full disk does not take is counted and logged with the next line") {
  if (!is_root()) SKIP_TEST("only root can mount a small disk");
  const Directory directory;
  if (mount("none", directory.path().c_str(), "tmpfs", 0, "size=16k,mode=0777") != 0) SKIP_TEST("mount is not allowed");
  const auto log = directory / "log";
  {
    const Waiting program({"unix-closed", "storm=500", "wait", "write"}, logging_to(log));
    CHECK(eventually([&] { return std::filesystem::exists(log) && std::filesystem::file_size(log) > 8000; }));
    CHECK(program.waits());
    std::filesystem::resize_file(log, 0);
    program.go_on();
    program.ends_well();
  }
  const auto text = contents(log);
  umount2(directory.path().c_str(), MNT_DETACH);
  // A newline ends the piece of a line for which there was room, if there was one.
  CHECK(parsed(text.substr(text.starts_with("\n") ? 1 : 0)).front().number("lost") > 900);
}

TEST_CASE("at the limit of a file's size nothing happens and what was lost is counted") {
  const Directory directory;
  const auto log = directory / "log";
  const Waiting program({"unix-closed", "limit=100", "storm=50", "wait", "limit=100000", "write"}, logging_to(log));
  REQUIRE(eventually([&] { return std::filesystem::exists(log) && std::filesystem::file_size(log) == 100; }));
  CHECK(program.waits());
  std::filesystem::resize_file(log, 0);
  program.go_on();
  program.ends_well();
  const auto text = contents(log);
  REQUIRE(text.starts_with("\n"));
  const auto first = parsed(text.substr(1)).front();
  CHECK(first.number("lost") > 90);
  CHECK(first["event"] == "averted");
}

TEST_CASE("a log on a device that is always full is no trouble") {
  survives({"unix-closed", "storm=50", "print"}, logging_to("/dev/full"));
}

TEST_CASE("syslog has one datagram for each line in the form of RFC 5424") {
  const Directory directory;
  const LogSocket daemon(directory / "socket");
  survives({"unix-closed", "write", "write"}, logging_to("syslog:" + directory / "socket"));
  static const std::regex form(
      "<12>1 (\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z) (\\S+) nosigpipe (\\d+) "
      "([a-z]+) - (nosigpipe: .*\n)");
  const Strings kinds{"averted", "averted", "total"};
  for (size_t i = 0; i < 4; ++i) {
    const auto datagram = daemon.next();
    if (i == kinds.size() || (kinds[i] == "total" && datagram.empty())) break;
    std::smatch match;
    INFO(datagram);
    REQUIRE(std::regex_match(datagram, match, form));
    const Line line = only_line(match[5]);
    CHECK(line["time"] == match[1]);
    CHECK(line["pid"] == match[3]);
    CHECK(line["event"] == match[4]);
  }
}

TEST_CASE("a syslog daemon that starts late or anew gets the lines from then on") {
  const Directory directory;
  const auto path = directory / "socket";
  const Waiting program({"unix-closed", "write", "wait", "write", "wait", "write"}, logging_to("syslog:" + path));
  REQUIRE(program.waits());
  for (int i = 0; i < 2; ++i) {
    std::filesystem::remove(path);
    const LogSocket daemon(path);
    program.go_on();
    std::string datagram;
    CHECK(eventually([&] { return !(datagram = daemon.next()).empty(); }));
    CHECK(datagram.find(" event=averted ") != std::string::npos);
    CHECK((datagram.find(" lost=1") != std::string::npos) == (i == 0));
    if (i == 0) REQUIRE(program.waits());
  }
  program.ends_well();
}

TEST_CASE("a syslog daemon that does not read does not block the program") {
  const Directory directory;
  const LogSocket daemon(directory / "socket");
  survives({"unix-closed", "storm=1000", "print"}, logging_to("syslog:" + directory / "socket"));
}

TEST_CASE("the journal has each field under its own name") {
  const Directory directory;
  const LogSocket daemon(directory / "socket");
  survives({"unix-closed", "write"}, logging_to("journal:" + directory / "socket", {"NOSIGPIPE_STACK=3"}));
  std::map<std::string, std::string> fields;
  for (const auto& field : lines_of(daemon.next()))
    fields[field.substr(0, field.find('='))] = field.substr(field.find('=') + 1);
  CHECK(fields["PRIORITY"] == "4");
  CHECK(fields["SYSLOG_IDENTIFIER"] == "nosigpipe");
  CHECK(fields["MESSAGE_ID"] == "7d6f1c1e3a0b4f0c9d53b1a24c9e8f5a");
  const Line line = only_line(fields["MESSAGE"] + "\n");
  for (const auto& [name, value] : line.fields) {
    if (name == "time") continue;
    std::string upper = "NOSIGPIPE_";
    for (const char c : name) upper += static_cast<char>(std::toupper(c));
    INFO(name);
    CHECK(fields[upper] == (value.front() == '"' ? value.substr(1, value.size() - 2) : value));
    fields.erase(upper);
  }
  CHECK(fields.size() == 4);  // and nothing else
}

TEST_CASE("rsyslog takes a line apart as it was meant") {
  if (!is_root()) SKIP_TEST("rsyslogd is run as root");
  const Directory directory;
  const auto socket = directory / "socket";
  const auto out = directory / "out";
  std::ofstream(directory / "conf") << "global(workDirectory=\"" << directory.path() << "\")\n"
                                    << "module(load=\"imuxsock\" SysSock.Use=\"off\")\n"
                                    << "input(type=\"imuxsock\" Socket=\"" << socket
                                    << "\" UseSpecialParser=\"off\" ParseHostname=\"on\" RateLimit.Interval=\"0\")\n"
                                    << "template(name=\"parts\" type=\"string\" string=\"%app-name%|%procid%|%msgid%|"
                                    << "%syslogseverity-text%|%msg%\\n\")\n"
                                    << "action(type=\"omfile\" file=\"" << out << "\" template=\"parts\")\n";
  Process rsyslogd({"rsyslogd", "-n", "-f", directory / "conf", "-i", directory / "pid"});
  REQUIRE(eventually([&] { return std::filesystem::exists(socket); }));
  survives({"unix-closed", "write"}, logging_to("syslog:" + socket));
  REQUIRE(has_lines(out, 1));
  rsyslogd.signal(SIGTERM);
  rsyslogd.wait();
  std::smatch match;
  const auto text = contents(out);
  INFO(text);
  static const std::regex parts("nosigpipe\\|(\\d+)\\|averted\\|warning\\|\\s?(nosigpipe: .*\n)");
  REQUIRE(std::regex_match(text, match, parts));
  CHECK(only_line(match[2])["pid"] == match[1]);
}
