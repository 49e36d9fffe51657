// The log: what a line says, that it is true, and that no log is ever in the program's way.
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <map>
#include <set>

#include "log/timestamp.h"
#include "support/expect.h"
#include "support/kernel.h"
#include "support/log_lines.h"
#include "support/source_tree.h"
#include "support/tracer.h"
#include "support/victims.h"

namespace {

Line logged(const Strings& words, const Strings& variables = {}) {
  return only_line(lives(log_victim(words), logging_to("stderr", variables)).err);
}

std::string function_at(const Line& line) {
  return lines_of(output_of({"addr2line", "-f", "-e", line.text("module"), line["offset"], "-C"})).at(0);
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", std::gmtime(&now));
  return text;
}

// What the victim found open.
std::set<int> descriptors(const Ending& ending) {
  const std::string word = "descriptors ";
  std::istringstream list(ending.out.substr(ending.out.find(word) + word.size()));
  return {std::istream_iterator<int>(list), {}};
}

// A descriptor that is closed with its owner.
struct Descriptor {
  explicit Descriptor(int fd) : number(fd) { REQUIRE(fd >= 0); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(number); }
  const int number;
};

struct Terminal {
  Terminal() { REQUIRE(openpty(&controller, &terminal, nullptr, nullptr, nullptr) == 0); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    close(controller);
    close(terminal);
  }
  int controller = -1;
  int terminal = -1;
};

struct Pipe {
  explicit Pipe(int flags = 0) {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC | flags) == 0);
    reader = ends[0];
    writer = ends[1];
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close(reader);
    close(writer);
  }
  int reader = -1;
  int writer = -1;
};

Start logging_into(int fd) {
  Start start = logging_to("stderr");
  start.err = fd;
  return start;
}

}  // namespace

TEST_CASE("every call that the hooks see is logged with its name and size and technique and place") {
  if (is_in_seccomp()) SKIP_TEST("in a seccomp filter a write stays a write");
  const struct {
    std::string call, bytes, technique;
  } expected[] = {{"write", "4", "flag"},   {"send", "3", "flag"},    {"sendto", "2", "flag"},
                  {"sendmsg", "6", "flag"}, {"writev", "6", "guard"}, {"sendfile", "1000", "guard"},
                  {"splice", "4", "guard"}};
  for (const std::string guard : {"mask", "catch"})
    for (const auto& row : expected) {
      INFO(row.call << " with guard=" << guard);
      const Line line = logged({row.call}, {"NOSIGPIPE_GUARD=" + guard});
      CHECK(line["call"] == (row.call == "send" ? "sendto" : row.call));
      CHECK(line["bytes"] == row.bytes);
      CHECK(line["technique"] == (row.technique == "guard" ? guard : row.technique));
      CHECK(line["would_kill"] == "yes");
      CHECK(line["socket"] == "unix");
      CHECK(line.text("thread") == "log_victim");
      CHECK(line.text("module") == built("tests/victims/log_victim"));
      CHECK(function_at(line) == "calls_" + row.call);
    }
}

TEST_CASE("a call has the name of its system call whatever function makes it and whatever technique meets it") {
  const std::pair<std::string, std::string> names[] = {
      {"write", "write"},       {"__write", "write"},     {"send", "sendto"},          {"__send", "sendto"},
      {"sendto", "sendto"},     {"sendmsg", "sendmsg"},   {"sendmmsg", "sendmmsg"},    {"writev", "writev"},
      {"pwritev2", "pwritev2"}, {"sendfile", "sendfile"}, {"sendfile64", "sendfile"},  {"pwritev64v2", "pwritev2"},
      {"splice", "splice"},     {"dprintf", "write"},     {"syscall_sendto", "sendto"}};
  for (const auto& [verb, name] : names) {
    const Strings argv{built("tests/victims/victim"), verb, "tcp_shut", "default", "good"};
    is_killed_bare(argv);
    for (const std::string how : {"GUARD=catch", "GUARD=mask", "MODE=observe"}) {
      INFO(verb << " with " << how);
      const auto lines = parsed(run(argv, with_shim({"NOSIGPIPE_LOG=stderr", "NOSIGPIPE_" + how})).err);
      REQUIRE(!lines.empty());
      CHECK(lines[0]["call"] == name);
    }
  }
}

TEST_CASE("what only the handler sees is logged with the place that called libc") {
  for (const std::string call : {"stdio", "syscall"}) {
    const Line line = logged({call});
    CHECK(line["call"] == "write");
    CHECK(line["technique"] == "catch");
    CHECK(std::stoi(line["bytes"]) > 0);
    CHECK(line.text("module") == built("tests/victims/log_victim"));
    CHECK(function_at(line) == (call == "stdio" ? "(anonymous namespace)::print(int)" : "calls_syscall"));
  }
}

TEST_CASE("the exported function that made the call is named") {
  const auto library = built("tests/victims/libcaller.so");
  const Line line = logged({"library=" + library});
  CHECK(line.text("module") == library);
  CHECK(line["symbol"] == "\"calls_from_a_library\"");
  CHECK(function_at(line) == "calls_from_a_library");
}

TEST_CASE("the place is right in a library that does not begin at address 0") {
  const Directory directory;
  const auto library = directory / "libprelinked.so";
  output_of({"g++", "-O0", "-fPIC", "-shared", "-Wl,-Ttext-segment=0x10000000", "-o", library,
             source("tests/victims/libcaller.cpp")});
  const Line line = logged({"library=" + library});
  CHECK(line.text("module") == library);
  CHECK(line["symbol"] == "\"calls_from_a_library\"");
  CHECK(function_at(line) == "calls_from_a_library");
  CHECK(!line["build_id"].empty());
}

TEST_CASE("the place is right in a program at a fixed address") {
  const Directory directory;
  const auto program = directory / "fixed";
  output_of({"gcc", "-no-pie", "-O0", "-pthread", "-o", program, source("tests/victims/small_victim.c")});
  is_killed_bare({program, "write"});
  const Line line = only_line(run({program, "write"}, logging_to("stderr")).err);
  CHECK(line.text("module") == program);
  CHECK(function_at(line) == "writes");
}

TEST_CASE("the line names the process and the thread and the descriptor") {
  const auto words = Strings{"thread=a name", "send"};
  is_killed_bare(log_victim(words));
  Process process(log_victim(words), logging_to("stderr"));
  const Ending ending = process.wait();
  const Line line = only_line(ending.err);
  CHECK(line["pid"] == std::to_string(process.pid()));
  CHECK(line["tid"] == line["pid"]);
  CHECK(line["thread"] == "\"a name\"");
  CHECK(ending.out == "fd " + line["fd"] + "\n");
}

TEST_CASE("threads are told apart") {
  const Directory directory;
  const auto log = directory / "log";
  lives(log_victim({"threads=4", "send"}), logging_to(log));
  const auto lines = parsed(contents(log), "averted");
  std::map<std::string, int> threads;
  for (const auto& line : lines) {
    ++threads[line["tid"]];
    CHECK(line["tid"] != line["pid"]);
    CHECK(line["pid"] == lines[0]["pid"]);
  }
  CHECK(threads.size() == 4);
}

TEST_CASE("the kind of socket is logged") {
  for (const std::string kind : {"tcp", "unix"}) CHECK(logged({"socket=" + kind, "send"})["socket"] == kind);
  if (!has_ipv6()) SKIP_TEST("there is no IPv6 on the loopback interface");
  CHECK(logged({"socket=tcp6", "send"})["socket"] == "tcp6");
}

TEST_CASE("the time is now and in UTC") {
  for (const char* zone : {"UTC0", "XYZ-13:45", "ABC+11"}) {
    const auto before = utc_now();
    const auto time = logged({"send"}, {std::string("TZ=") + zone})["time"];
    CHECK(time.substr(0, before.size()) >= before);
    CHECK(time.substr(0, before.size()) <= utc_now());
  }
}

TEST_CASE("the time is right on every day of four centuries") {
  for (std::time_t time = 951'782'399; time < 13'574'563'200; time += 86'399) {
    text::Sized<64> line;
    timestamp::add(line, {time, 7'008});
    char expected[32];
    std::strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000007Z", std::gmtime(&time));
    REQUIRE(std::string(line.words()) == expected);
  }
}

TEST_CASE("would_kill is no where the program has seen to SIGPIPE itself") {
  for (const std::string how : {"ignored", "handled", "blocked"})
    for (const std::string call : {"send", "writev"})
      for (const std::string guard : {"mask", "catch"}) {
        INFO(call << ", " << how << ", guard=" << guard);
        const auto argv = log_victim({"sigpipe=" + how, call});
        REQUIRE(run(argv).exited(0));
        const Ending ending = run(argv, logging_to("stderr", {"NOSIGPIPE_GUARD=" + guard}));
        CHECK(ending.exited(0));
        CHECK(only_line(ending.err)["would_kill"] == "no");
      }
}

TEST_CASE("every EPIPE has one line and a call that works has none") {
  const auto log = lives(log_victim({"times=100", "send", "writev", "stdio"}), logging_to("stderr")).err;
  CHECK(parsed(log, "averted").size() == 300);
  const Ending quiet = run(log_victim({"descriptors"}), logging_to("stderr"));
  CHECK(quiet.err.empty());
}

TEST_CASE("nothing is logged where no log is wanted") {
  for (const std::string call : {"send", "writev", "stdio"}) {
    const Ending ending = lives(log_victim({call}), with_shim());
    CHECK(ending.err.empty());
    CHECK(ending.out.starts_with("fd "));
  }
}

TEST_CASE("the log file is made and appended to") {
  const Directory directory;
  const auto log = directory / "a b.log";
  lives(log_victim({"send"}), logging_to(log));
  const auto first = contents(log);
  REQUIRE(parsed(first).size() == 1);
  lives(log_victim({"writev"}), logging_to(log));
  CHECK(contents(log).starts_with(first));
  CHECK(parsed(contents(log)).size() == 2);
}

TEST_CASE("the log file is its owner's to write and its group's to read: it has the addresses of peers") {
  const Directory directory;
  const auto log = directory / "log";
  lives(joined({"sh", "-c", "umask 0; exec \"$@\"", "sh"}, log_victim({"send"})), logging_to(log));
  struct stat file {};
  REQUIRE(stat(log.c_str(), &file) == 0);
  CHECK((file.st_mode & 07777) == 0640);
}

TEST_CASE("the path of the log is taken from where the program is started") {
  const Directory directory;
  auto start = logging_to("./log");
  start.directory = directory.path();
  lives(log_victim({"send"}), start);
  CHECK(parsed(contents(directory / "log")).size() == 1);
}

TEST_CASE("a log that cannot be opened is told with the first event, why and where and what to do") {
  const Directory directory;
  const auto target = directory / "target";
  std::ofstream(target) << "precious\n";
  std::filesystem::create_symlink(target, directory / "link");
  std::filesystem::create_symlink(directory / "missing", directory / "dangling");
  std::filesystem::create_directory(directory / "folder");
  REQUIRE(mkfifo((directory / "fifo").c_str(), 0600) == 0);
  const std::string too_long = "/" + std::string(5000, 'x');
  const std::pair<std::string, std::string> places[] = {
      {"link", "Is a symbolic link"},  {"dangling", "Is a symbolic link"},
      {"folder", "Is a directory"},    {"fifo", "No such device or address"},
      {"target/x", "Not a directory"}, {"no/such/place.%p", "No such file or directory"}};
  for (const auto& [name, why] : places) {
    const auto path = directory / name;
    CHECK(run(log_victim({"descriptors"}), logging_to(path)).err.empty());
    is_killed_bare(log_victim({"send", "stdio"}));
    Process process(log_victim({"send", "stdio"}), logging_to(path));
    const Ending ending = process.wait();
    CHECK(ending.exited(0));
    const auto place = path.substr(0, path.find("%p")) + (path.ends_with("%p") ? std::to_string(process.pid()) : "");
    CHECK(ending.err == "nosigpipe: cannot open the log \"" + place + "\": " + why +
                            "; nothing is logged until it can be. Set NOSIGPIPE_LOG to a path that user " +
                            std::to_string(geteuid()) + " may write to, or to journal\n");
  }
  CHECK(contents(target) == "precious\n");
  CHECK(!std::filesystem::exists(directory / "missing"));
  CHECK(lines_of(lives(log_victim({"send"}), logging_to(too_long)).err).size() == 1);
}

TEST_CASE("a log that cannot be opened is not told to what has taken the place of stderr") {
  const Strings words{"close=2", "take_all_numbers", "send", "count_taken"};
  const auto argv = joined({"sh", "-c", "exec \"$@\" 2>&-", "sh"}, log_victim(words));
  for (const auto& start : {argv, log_victim(words)}) {
    const Ending ending = lives(start, logging_to("/no/such/place"));
    CHECK(ending.out.ends_with("taken -1\n"));
    CHECK(ending.err.empty());
  }
}

TEST_CASE("a hostile thread name forges no line") {
  for (const std::string name : {"x\nnosigpipe: ", "\" would_kill=no", "\033[31m\a", "\\x22", "\xff\x80\r", "", " "}) {
    const Line line = logged({"thread=" + name, "send"});
    CHECK(line.text("thread") == name.substr(0, 15));
    CHECK(line["would_kill"] == "yes");
  }
}

TEST_CASE("a hostile path of the program forges no line") {
  const Directory directory;
  // A newline is logged as proc(5) writes it in /proc/PID/maps.
  const std::pair<std::string, std::string> names[] = {{"x\nnosigpipe: forged", "x\\012nosigpipe: forged"},
                                                       {"\"+0x1 in=\"y", "\"+0x1 in=\"y"},
                                                       {"\033]0;x\a", "\033]0;x\a"}};
  for (const auto& [name, logged_name] : names) {
    const auto program = directory / name;
    std::filesystem::copy_file(built("tests/victims/log_victim"), program);
    const Ending ending = run({program, "send"}, logging_to("stderr"));
    CHECK(only_line(ending.err).text("module") == directory / logged_name);
  }
}

TEST_CASE("a path longer than a line is cut and the line ends") {
  const Directory directory;
  const auto place = deep_directory(directory, 3000, 'd');
  std::filesystem::copy_file(built("tests/victims/log_victim"), place + "/victim");
  const Ending ending = run({place + "/victim", "times=2", "send"}, logging_to("stderr"));
  CHECK(ending.exited(0));
  const auto lines = parsed(ending.err, "averted");
  CHECK(lines.size() == 2);
  for (const auto& line : lines) CHECK(place.starts_with(line.text("module").substr(0, 400)));
}

TEST_CASE("a socket that has got the number of the log hears nothing") {
  const Directory directory;
  const auto log = directory / "log";
  const Strings words{"send", "take_all_numbers", "send", "writev", "count_taken"};
  const Ending ending = lives(log_victim(words), logging_to(log));
  INFO(ending.out);
  CHECK(ending.out.ends_with("taken -1\n"));
  CHECK(count_of(parsed(contents(log))) == 3);
}

TEST_CASE("a program that meets no SIGPIPE has no descriptor of ours and leaves no file") {
  const Directory directory;
  const Ending quiet = run(log_victim({"descriptors"}), logging_to(directory / "log.%p"));
  REQUIRE(quiet.exited(0));
  CHECK(descriptors(quiet) == descriptors(run(log_victim({"descriptors"}))));
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("the log is one descriptor out of the way, from the first event on") {
  const Directory directory;
  const auto words = log_victim({"send", "descriptors"});
  const auto bare = descriptors(run(words, ignoring_sigpipe()));
  auto with_log = descriptors(lives(words, logging_to(directory / "log")));
  for (const int fd : bare) CHECK(with_log.erase(fd) == 1);
  REQUIRE(with_log.size() == 1);
  CHECK(*with_log.begin() >= 100);
}

TEST_CASE("without a log no descriptor stays open") {
  const auto bare = descriptors(run(log_victim({"descriptors"})));
  REQUIRE(bare.count(2) == 1);
  CHECK(descriptors(run(log_victim({"descriptors"}), logging_to("none"))) == bare);
}

TEST_CASE("without a log nothing is opened but the library and the machine's file, and its status by who writes") {
  if (!can_trace()) SKIP_TEST("nothing can be traced here");
  const auto opened_by = [](const Strings& preload, const Strings& program = log_victim({"send", "writev"})) {
    const auto argv =
        joined(joined({"strace", "-f", "-qq", "-e", "trace=open,openat,openat2,creat"}, preload), program);
    Strings paths;
    for (const auto& line : lines_of(run(argv).err)) {
      const auto words = matches(line, "\"([^\"]*)\"");
      if (!words.empty()) paths.push_back(words[0]);
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  };
  auto expected = opened_by({"-E", "LD_PRELOAD=libc.so.6"});
  if (expected.empty()) SKIP_TEST("strace cannot trace here");
  auto opened = opened_by({"-E", "LD_PRELOAD=" + built("libnosigpipe.so")});
  CHECK(std::count(opened.begin(), opened.end(), built("libnosigpipe.so")) == 1);
  // At the first write, and after an EPIPE once a second as long as it is traced.
  CHECK(std::count(opened.begin(), opened.end(), "/proc/self/status") == 1);
  CHECK(std::count(opened.begin(), opened.end(), "/etc/nosigpipe.conf") == 1);
  for (const auto& ours : Strings{built("libnosigpipe.so"), "/proc/self/status", "/etc/nosigpipe.conf"})
    std::erase(opened, ours);
  CHECK(std::erase(opened, "/proc/thread-self/status") <= 1);
  CHECK(opened == expected);

  const auto by_true = opened_by({"-E", "LD_PRELOAD=" + built("libnosigpipe.so")}, {"true"});
  CHECK(std::count(by_true.begin(), by_true.end(), built("libnosigpipe.so")) == 1);
  CHECK(std::count(by_true.begin(), by_true.end(), "/proc/self/status") == 0);
}

TEST_CASE("a closed stderr is no trouble") {
  const auto argv =
      joined({"sh", "-c", "exec \"$@\" 2>&-", "sh"}, log_victim({"socket=tcp", "send", "writev", "stdio"}));
  is_killed_bare(argv);
  const Ending ending = run(argv, logging_to("stderr"));
  CHECK(ending.exited(0));
  CHECK(ending.err.empty());
}

TEST_CASE("a socket that has got the number of stderr hears nothing") {
  const Strings closed_later = log_victim({"close=2", "take_all_numbers", "send", "writev", "count_taken"});
  const auto closed_before = joined({"sh", "-c", "exec \"$@\" 2>&-", "sh"}, closed_later);
  for (const auto& argv : {closed_later, closed_before}) {
    is_killed_bare(argv);
    const Ending ending = run(argv, logging_to("stderr"));
    INFO(ending.text() << "\n" << ending.out << ending.err);
    CHECK(ending.exited(0));
    CHECK(ending.out.ends_with("taken -1\n"));
    CHECK(ending.err.empty());
  }
}

TEST_CASE("a pipe that nobody reads as stderr is no trouble") {
  Pipe pipe;
  close(pipe.reader);
  pipe.reader = -1;
  for (const std::string how : {"default", "ignored", "handled", "blocked"}) {
    INFO(how);
    Start start = logging_into(pipe.writer);
    start.env.push_back("NOSIGPIPE_HANDLERS=bypass");
    const Ending ending = run(log_victim({"sigpipe=" + how, "send", "writev", "stdio"}), start);
    CHECK(ending.exited(0));
    CHECK(ending.out.find("handled") == std::string::npos);
  }
}

TEST_CASE("a full pipe as stderr does not block the program") {
  const Pipe pipe;
  const Ending ending = run(log_victim({"times=2000", "send", "writev", "stdio"}), logging_into(pipe.writer));
  INFO(ending.text());
  CHECK(ending.exited(0));
}

// It takes luck to have two threads see the last room, hence the number of times.
TEST_CASE("threads that race for the last room in a pipe are not blocked") {
  for (int i = 0; i < 200; ++i) {
    const Pipe pipe(O_DIRECT);
    REQUIRE(fcntl(pipe.writer, F_SETPIPE_SZ, 4096) > 0);
    const Ending ending = run(log_victim({"threads=16", "send"}), logging_into(pipe.writer), std::chrono::seconds(10));
    INFO(ending.text());
    REQUIRE(ending.exited(0));
  }
}

TEST_CASE("a terminal that nobody reads as stderr does not block the program") {
  const Terminal tty;
  const Ending ending = run(log_victim({"times=2000", "send"}), logging_into(tty.terminal));
  INFO(ending.text());
  CHECK(ending.exited(0));
}

TEST_CASE("a stopped terminal as stderr does not block the program") {
  const Terminal tty;
  REQUIRE(tcflow(tty.terminal, TCOOFF) == 0);
  const Ending ending = run(log_victim({"times=10", "send"}), logging_into(tty.terminal));
  INFO(ending.text());
  CHECK(ending.exited(0));
}

TEST_CASE("a socket that nobody reads as stderr does not block the program") {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0);
    const Descriptor ours(ends[0]);
    const Descriptor theirs(ends[1]);
    const Ending ending = run(log_victim({"threads=4", "times=2000", "send"}), logging_into(theirs.number));
    INFO(ending.text());
    CHECK(ending.exited(0));
  }
}

TEST_CASE("a full disk is no trouble") {
  CHECK(lives(log_victim({"times=10", "send"}), logging_to("/dev/full")).err.empty());
}

TEST_CASE("the limit of the size of a file is no trouble") {
  const Directory directory;
  const auto log = directory / "log";
  Strings argv{"sh", "-c", "ulimit -f 2; exec \"$@\"", "sh"};
  for (const auto& word : log_victim({"times=100", "send", "stdio"})) argv.push_back(word);
  const Ending ending = run(argv, logging_to(log));
  INFO(ending.text() << ending.err);
  CHECK(ending.exited(0));
  CHECK(ending.err.empty());
  const auto size = std::filesystem::file_size(log);
  CHECK((size == 1024 || size == 2048));
}

TEST_CASE("two processes of four threads each write whole lines and lose none") {
  const Directory directory;
  const auto log = directory / "log";
  const auto words = log_victim({"threads=4", "times=1000", "send", "writev"});
  {
    Process first(words, logging_to(log));
    Process second(words, logging_to(log));
    REQUIRE(first.wait().exited(0));
    REQUIRE(second.wait().exited(0));
  }
  std::map<std::string, std::map<std::string, long>> threads_of;
  for (const auto& line : parsed(contents(log), "averted"))
    threads_of[line["pid"]][line["tid"]] += line.number("count");
  CHECK(threads_of.size() == 2);
  for (const auto& [pid, threads] : threads_of) {
    CHECK(threads.size() == 8);
    for (const auto& [tid, count] : threads) CHECK(count == 1000);
  }
}

TEST_CASE("observe logs and lets the program die as bare") {
  for (const std::string call : {"send", "write", "sendmsg", "writev", "sendfile", "splice", "stdio", "syscall"})
    for (const std::string guard : {"auto", "mask", "catch"}) {
      INFO(call << ", guard=" << guard);
      is_killed_bare(log_victim({call}));
      const Ending ending =
          run(log_victim({call}), logging_to("stderr", {"NOSIGPIPE_MODE=observe", "NOSIGPIPE_GUARD=" + guard}));
      CHECK(ending.killed_by(SIGPIPE));
      const Line line = only_line(ending.err);
      CHECK(line["would_kill"] == "yes");
      CHECK(line["technique"] == "none");
    }
}

TEST_CASE("observe leaves a program that has seen to SIGPIPE alone") {
  for (const std::string how : {"ignored", "handled", "blocked"})
    for (const std::string call : {"send", "writev", "stdio"}) {
      INFO(call << ", " << how);
      const auto argv = log_victim({"sigpipe=" + how, call});
      const Ending bare = run(argv);
      REQUIRE(bare.exited(0));
      const Ending observed = run(argv, logging_to("stderr", {"NOSIGPIPE_MODE=observe"}));
      CHECK(observed.exited(0));
      CHECK(observed.out == bare.out);
      for (const auto& line : parsed(observed.err)) {
        CHECK(line["would_kill"] == "no");
        CHECK(line["technique"] == "none");
      }
      CHECK(lines_of(observed.err).size() <= 1);
      if (call != "stdio" || how == "handled") CHECK(lines_of(observed.err).size() == 1);
    }
}

TEST_CASE("off logs nothing and lets the program die as bare") {
  for (const std::string call : {"send", "writev", "stdio"}) {
    const Ending ending = run(log_victim({call}), logging_to("stderr", {"NOSIGPIPE_MODE=off"}));
    CHECK(ending.killed_by(SIGPIPE));
    CHECK(ending.err.empty());
  }
}
