// What is logged of an averted SIGPIPE: who the peer was, how the connection stood, how often it happened.
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "support/expect.h"
#include "support/kernel.h"
#include "support/log_lines.h"
#include "support/source_tree.h"
#include "support/victims.h"

namespace {

// What a run under the shim has written to its log. Bare it is killed.
std::string log_of(const Strings& words, const Strings& variables = {}) {
  INFO(words.front());
  const Directory directory;
  lives(totals_victim(words), with_shim(joined({"NOSIGPIPE_LOG=" + directory / "log"}, variables)),
        std::chrono::seconds(200));
  return contents(directory / "log");
}

struct Logged {
  Line line;
  std::map<std::string, std::string> truth;  // as the program said it
};

Logged logged(const Strings& words) {
  const Ending ending = lives(totals_victim(words), with_shim({"NOSIGPIPE_LOG=stderr"}));
  Logged logged{only_line(ending.err), {}};
  std::istringstream pairs(ending.out);
  for (std::string pair; pairs >> pair;) logged.truth[pair.substr(0, pair.find('='))] = pair.substr(pair.find('=') + 1);
  return logged;
}

}  // namespace

static void has_both_ends(const std::string& kind, const std::string& host) {
  const auto [line, truth] = logged({kind + "-reset", "write"});
  CHECK(line["socket"] == kind);
  CHECK(line["type"] == "stream");
  CHECK(line.text("local") == host + truth.at("local"));
  CHECK(line.text("peer") == host + truth.at("peer"));
  CHECK(line["inode"] == truth.at("inode"));
  CHECK(line["fd"] == truth.at("fd"));
  CHECK(line["state"] == "close");
  CHECK(line["sent"] == "7");
  CHECK(line["received"] == "3");
  CHECK(line["cause"] == "peer_gone");
  CHECK(line.number("idle_ms") < 60'000);
  CHECK(line.number("rtt_us") > 0);
}
TEST_CASE("a connection that was reset is logged with both ends and its numbers") {
  has_both_ends("tcp", "127.0.0.1:");
}
TEST_CASE("a connection by IPv6 that was reset is logged with both ends and its numbers") {
  if (!has_ipv6()) SKIP_TEST("there is no IPv6 on the loopback interface");
  has_both_ends("tcp6", "[::1]:");
}

TEST_CASE("the cause is logged") {
  const std::pair<std::string, std::string> causes[] = {
      {"tcp-reset", "peer_gone"},   {"tcp-shutdown", "own_shutdown"},  {"tcp-unconnected", "never_connected"},
      {"unix-closed", "peer_gone"}, {"unix-shutdown", "own_shutdown"},
  };
  for (const auto& [end, cause] : causes) {
    INFO(end);
    CHECK(logged({end, "write"}).line["cause"] == cause);
  }
}

TEST_CASE("of an MPTCP connection the cause is logged, and no number that its first subflow does not have any more") {
  const int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
  if (fd < 0) SKIP_TEST("this kernel has no MPTCP");
  close(fd);
  const std::pair<std::string, std::string> causes[] = {
      {"mptcp-reset", "peer_gone"}, {"mptcp-shutdown", "own_shutdown"}, {"mptcp-unconnected", "never_connected"}};
  for (const auto& [end, cause] : causes) {
    INFO(end);
    const auto line = logged({end, "write"}).line;
    CHECK(line["socket"] == "tcp");
    CHECK(line["cause"] == cause);
    CHECK(line["idle_ms"].empty() == (cause != "own_shutdown"));
    CHECK(line["rtt_us"].empty() == (cause != "own_shutdown"));
    CHECK(line["sent"].empty() == (cause != "own_shutdown"));
  }
}

TEST_CASE("what was never connected has not been idle") {
  const auto line = logged({"tcp-unconnected", "write"}).line;
  CHECK(line["state"] == "close");
  CHECK(line["idle_ms"].empty());
}

TEST_CASE("the peer of an AF_UNIX socket is logged by its name and process and user") {
  const Directory directory;
  for (const std::string& path : {directory / "socket", directory / "so\"ck et", "@" + directory.path() + "@x\xff"}) {
    is_killed_bare(totals_victim({"unix-named=" + path, "write"}));
    std::filesystem::remove(path);
    const Start start = with_shim({"NOSIGPIPE_LOG=stderr"});
    Process process(totals_victim({"unix-named=" + path, "write"}), start);
    const Line line = only_line(process.wait().err);
    CHECK(line.text("peer") == path);
    CHECK(line["peer_pid"] == std::to_string(process.pid()));
    CHECK(line["peer_uid"] == std::to_string(getuid()));
    CHECK(line["state"].empty());
  }
}

TEST_CASE("the build ID is that of the file") {
  const auto line = logged({"unix-closed", "write"}).line;
  const Ending notes = run({"readelf", "-n", built("tests/victims/totals_victim")});
  CHECK(!line["build_id"].empty());
  CHECK(notes.out.find("Build ID: " + line["build_id"]) != std::string::npos);
  CHECK(line.text("exe") == built("tests/victims/totals_victim"));
}

TEST_CASE("a storm of a million is a few lines with the right total") {
  const auto begin = std::chrono::steady_clock::now();
  const auto log = log_of({"unix-closed", "storm=500000"}, {"NOSIGPIPE_RUNAWAY=off"});
  const auto seconds = std::chrono::steady_clock::now() - begin;
  const auto lines = parsed(log);
  CHECK(count_of(lines) == 1'000'000);
  CHECK(count_of(lines, "kills") == 1'000'000);
  // 1, 2, 4 ... 524,288, and one a second.
  CHECK(parsed(log, "averted").size() >= 20);
  CHECK(parsed(log, "averted").size() <= 21 + static_cast<size_t>(seconds / std::chrono::seconds(1)));
  const auto totals = parsed(log, "total");
  REQUIRE(totals.size() == 1);
  CHECK(totals[0]["total"] == "1000000");
  CHECK(totals[0]["call"] == "write");
}

TEST_CASE("a storm takes no more memory than a breeze") {
  const auto memory_after = [](const std::string& storm) {
    const Start start = with_shim({"NOSIGPIPE_LOG=/dev/null", "NOSIGPIPE_RUNAWAY=off"});
    const auto said = run(totals_victim({"unix-closed", storm, "memory"}), start, std::chrono::seconds(200)).out;
    const auto at = said.find("memory=");
    REQUIRE(at != std::string::npos);
    return std::stol(said.substr(at + 7));
  };
  CHECK(memory_after("storm=500000") < memory_after("storm=2") + 256);
}

TEST_CASE("what was held back is logged at the end, however the program ends") {
  for (const std::string end : {"write", "_exit", "_Exit", "exit_group"}) {
    INFO(end);
    const auto log = log_of({"unix-closed", "storm=50", end}, {"NOSIGPIPE_INTERVAL=3600000"});
    CHECK(count_of(parsed(log)) == (end == "write" ? 101 : 100));
    CHECK(parsed(log, "averted").size() == (end == "write" ? 8 : 7));  // 1, 2, 4 ... 64 of the storm
  }
}

TEST_CASE("from an alternate stack, however small, nothing is lost, and the thread lives") {
  const Strings scene{built("tests/victims/scenes/scenes"), "alternate_stacks"};
  CHECK(run(scene).killed_by(SIGPIPE));
  for (const std::string depth : {"0", "32"}) {
    const Start start = with_shim({"NOSIGPIPE_LOG=stderr", "NOSIGPIPE_INTERVAL=0", "NOSIGPIPE_STACK=" + depth});
    const Ending ending = run(scene, start);
    CHECK(ending.out == "alive\n");
    const auto lines = parsed(ending.err, "averted").size();
    INFO(lines << " logged with a stack of " << depth);
    CHECK(count_of(parsed(ending.err)) == 100);
    CHECK(lines > 10);
    CHECK(lines < 100);
  }
}

TEST_CASE("whatever is logged, the handler takes less than 3 KiB of stack, and less than 1 KiB without a log") {
  for (const std::string flavour : {"", "i386/"}) {
    Start start;
    start.flavour = flavour;
    const Strings scene{built(flavour + "tests/victims/scenes/scenes"), "stack_of_each_end"};
    const auto most = [&](const Strings& variables) {
      const Directory place;
      start.directory = place.path();
      long bytes = 0;
      std::istringstream ends(run(scene, with_shim(variables, start)).out);
      long number = 0, taken = 0;
      for (std::string name; ends >> name >> taken; ++number) bytes = std::max(bytes, taken);
      CHECK(number == 6);
      return bytes;
    };
    const Directory directory;
    CHECK(most({}) < 1024);
    for (const std::string format : {"text", "json"}) {
      const auto log = directory / flavour.substr(0, 4) + format;
      const auto bytes = most({"NOSIGPIPE_LOG=" + log, "NOSIGPIPE_FORMAT=" + format, "NOSIGPIPE_INTERVAL=3600000"});
      INFO(flavour << " " << format << ": " << bytes);
      CHECK(bytes > 1024);
      CHECK(bytes < 3072);
      CHECK(lines_of(contents(log)).size() == 10);
    }
    CHECK(most({"NOSIGPIPE_LOG=stderr"}) < 3072);
  }
}

TEST_CASE("an event is logged before the program's handler is called, which may not come back") {
  for (const std::string option : {"NOSIGPIPE_HANDLERS=deliver", "NOSIGPIPE_MODE=observe"})
    for (const std::string guard : {"auto", "mask"})
      for (const std::string call : {"write", "print"}) {
        INFO(option << ", guard=" << guard << ", " << call);
        const Start start = with_shim({"NOSIGPIPE_LOG=stderr", option, "NOSIGPIPE_GUARD=" + guard});
        const auto words = totals_victim({"unix-closed", "handler-ends", call, "kill"});
        REQUIRE(run(words).exited(0));
        const Ending ending = run(words, start);
        CHECK(ending.exited(0));
        const auto line = only_line(ending.err);
        CHECK(line["would_kill"] == "no");
        CHECK(line["count"] == "1");
      }
}

TEST_CASE("a crowd of threads that all have a line to log loses no count") {
  CHECK(count_of(parsed(log_of({"unix-closed", "crowd=200", "write"}, {"NOSIGPIPE_INTERVAL=0"}))) == 64 * 200 + 1);
}

TEST_CASE("a child of vfork leaves its parent's counts alone") {
  const auto log = log_of({"unix-closed", "vfork-writes", "storm=50"});
  CHECK(count_of(parsed(log)) == 101);
  CHECK(parsed(log, "averted").size() == 8);  // the child's, and 1, 2, 4 ... 64
  CHECK(parsed(log, "total").size() == 1);
}

TEST_CASE("a child of vfork that gives up its user does not take over what its parent counts") {
  if (geteuid() != 0) SKIP_TEST("only root has rights to give up");
  const auto words = totals_victim({"unix-closed", "vfork-becomes-nobody", "storm=50", "vfork-writes"});
  const auto log = lives(words, with_shim({"NOSIGPIPE_LOG=stderr"})).err;
  CHECK(count_of(parsed(log)) == 101);  // however many call sites two threads make of it that enter it at once
  const auto first = parsed(log).front();
  for (const auto& line : parsed(log, "total")) CHECK(line["pid"] == first["pid"]);
}

TEST_CASE("a child of vfork in a pid namespace of its own leaves its parent's counts alone") {
  if (geteuid() != 0 || !run({"unshare", "--pid", "true"}).exited(0)) SKIP_TEST("unshare is not allowed");
  const Directory directory;
  const auto log = directory / "log";
  // No thread can be started there.
  const auto words = totals_victim({"unix-closed", "write", "write", "write", "vfork-writes", "write"});
  CHECK(run(joined({"unshare", "--pid"}, words)).killed_by(SIGPIPE));
  CHECK(run(joined({"unshare", "--pid"}, words), with_shim({"NOSIGPIPE_LOG=" + log})).exited(0));
  CHECK(count_of(parsed(contents(log))) == 5);
  CHECK(parsed(contents(log), "total").size() == 1);  // the child writes none
}

TEST_CASE("a child of vfork that is the first to have an event leaves the log to its parent") {
  const Directory directory;
  run({built("tests/victims/scenes/scenes"), "vfork_child_writes_first"},
      with_shim({"NOSIGPIPE_LOG=" + directory / "log"}));
  const auto log = contents(directory / "log");
  CHECK(count_of(parsed(log)) == 201);
  CHECK(parsed(log, "total").size() == 1);
}

TEST_CASE("the first process of a container is not said to be killed") {
  if (geteuid() != 0 || !run({"unshare", "--pid", "--fork", "true"}).exited(0)) SKIP_TEST("unshare is not allowed");
  const Start start = with_shim({"NOSIGPIPE_LOG=stderr", "NOSIGPIPE_MODE=observe"});
  const auto command = joined({"unshare", "--pid", "--fork"}, totals_victim({"unix-closed", "storm=5"}));
  const Ending ending = run(command, start);
  CHECK(ending.exited(0));  // so it is bare
  const auto lines = parsed(ending.err);
  CHECK(count_of(lines) == 10);
  CHECK(count_of(lines, "kills") == 0);
}

TEST_CASE("with an interval of 0 each has its line") {
  const auto log = log_of({"unix-closed", "storm=50"}, {"NOSIGPIPE_INTERVAL=0"});
  CHECK(parsed(log, "averted").size() == 100);
  CHECK(count_of(parsed(log)) == 100);
}

TEST_CASE("a child of fork does not log what its parent has counted") {
  const auto log = log_of({"unix-closed", "storm=50", "fork", "storm=20"});
  CHECK(count_of(parsed(log)) == 140);
  std::map<std::string, long> processes;
  for (const auto& line : parsed(log)) processes[line["pid"]] += line.number("count");
  REQUIRE(processes.size() == 2);
  CHECK(processes.begin()->second + processes.rbegin()->second == 140);
  CHECK(std::min(processes.begin()->second, processes.rbegin()->second) == 40);
}

TEST_CASE("more call sites than can be kept lose no count") {
  const Directory directory;
  const auto program = directory / "sites";
  output_of({"gcc", "-o", program, source("tests/victims/many_sites.c")});
  is_killed_bare({program});
  const Start start = with_shim({"NOSIGPIPE_LOG=" + directory / "log", "NOSIGPIPE_RUNAWAY=off"});
  REQUIRE(run({program}, start).exited(0));
  const auto log = contents(directory / "log");
  CHECK(count_of(parsed(log)) == 6000);
  std::map<std::string, long> sites;
  for (const auto& line : parsed(log, "averted")) sites[line["offset"]] += line.number("count");
  CHECK(sites.size() >= 900);
}

TEST_CASE("JSON has the same fields and is read by jq") {
  const Directory directory;
  const Start start = with_shim({"NOSIGPIPE_LOG=" + directory / "log", "NOSIGPIPE_FORMAT=json", "NOSIGPIPE_STACK=4"});
  REQUIRE(run(totals_victim({"tcp-reset", "write", "write", "unix-closed", "storm=5"}), start).exited(0));
  const Start as_text = with_shim({"NOSIGPIPE_LOG=stderr", "NOSIGPIPE_STACK=4"});
  const Line text = parsed(run(totals_victim({"tcp-reset", "write"}), as_text).err).at(0);
  const Ending keys = run({"jq", "-rs",
                           "(first | keys_unsorted | join(\" \")), map(.count) == [1,1,1,9], "
                           "(first | .would_kill, (.stack | length > 1), .peer[0:10])",
                           directory / "log"});
  INFO(contents(directory / "log") << keys.out << keys.err);
  const auto answers = lines_of(keys.out);
  REQUIRE(answers.size() == 5);
  std::set<std::string> names;
  std::istringstream list(answers[0]);
  for (std::string name; list >> name;) names.insert(name);
  std::set<std::string> expected;
  for (const auto& [name, value] : text.fields) expected.insert(name);
  CHECK(names == expected);
  CHECK(answers[2] == "true");
  CHECK(answers[3] == "true");
  CHECK(answers[4] == "127.0.0.1:");
}

TEST_CASE("a JSON line that was cut to its length is still an object") {
  const Directory directory;
  const auto place = deep_directory(directory, 1200, '"');
  std::filesystem::copy_file(built("tests/victims/totals_victim"), place + "/victim");
  for (const std::string format : {"json", "text"}) {
    const Start start =
        with_shim({"NOSIGPIPE_LOG=" + directory / format, "NOSIGPIPE_FORMAT=" + format, "NOSIGPIPE_STACK=32"});
    REQUIRE(run({place + "/victim", "unix-closed", "write", "print"}, start).exited(0));
    for (const auto& line : lines_of(contents(directory / format))) CHECK(line.size() < 4096);
  }
  const Ending ending = run({"jq", "-r", ".call", directory / "json"});
  INFO(ending.err);
  CHECK(ending.out == "write\nwrite\n");
  CHECK(count_of(parsed(contents(directory / "text"))) == 2);
}
