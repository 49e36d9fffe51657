// A server of demo/ under test, and the clients that leave it in the middle of its answers.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "support/catch.h"
#include "support/directory.h"
#include "support/log_lines.h"
#include "support/process.h"

// What the clients said at their end.
struct Attack {
  Ending ending;
  long requests = 0;
  long aborted = 0;

  bool well_answered() const { return ending.exited(0); }
  bool server_gone() const { return ending.exited(3); }
};

class DemoServer {
 public:
  // Runs the command with a port and a directory added to it, and waits until it listens. What the shim averts is
  // logged, if it is there.
  explicit DemoServer(Strings command, Start start = {}) {
    std::ofstream file(directory_ / "file");
    for (int number = 100000; number < 142857; ++number) file << number << '\n';  // lost or swapped bytes would show
    file.close();
    command.insert(command.end(), {"0", directory_.path()});
    start.env.push_back("NOSIGPIPE_LOG=" + (directory_ / "log"));
    start.env.push_back("NOSIGPIPE_INTERVAL=0");  // it is killed, and could not log what it has held back
    start.out = open((directory_ / "out").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    process_.emplace(command, start);
    close(start.out);
    INFO(output());
    REQUIRE(eventually([&] { return !address().empty(); }));
  }

  // So many connections, of which this percentage leave in the middle; the others read to the end and compare.
  Attack attack(int requests, int percent, const Strings& urls) const {
    const Strings argv{built("demo/clients"),
                       "--requests",
                       std::to_string(requests),
                       "--abort",
                       std::to_string(percent),
                       "--seconds",
                       "240",
                       "--expect",
                       directory_ / "file",
                       address()};
    Attack attack{run(joined(argv, urls), {}, std::chrono::seconds(250))};
    const auto& out = attack.ending.out;
    const auto sent = matches(out, "^requests=([0-9]+) complete=[0-9]+ aborted=[0-9]+ .*\n$");
    const auto left = matches(out, "^requests=[0-9]+ complete=[0-9]+ aborted=([0-9]+) .*\n$");
    if (!sent.empty()) attack.requests = std::stol(sent[0]);
    if (!left.empty()) attack.aborted = std::stol(left[0]);
    return attack;
  }

  void ask(const std::string& url) const {
    run({built("demo/clients"), "--requests", "1", "--abort", "0", address(), url});
  }

  // SIGPIPEs averted in this call, by what the log says.
  long averted(const std::string& call, const std::string& would_kill = "yes") const {
    auto lines = parsed(contents(directory_ / "log"), "averted");
    std::erase_if(lines, [&](const Line& line) { return line["call"] != call || line["would_kill"] != would_kill; });
    return count_of(lines);
  }

  Process& process() { return *process_; }
  std::string output() const { return contents(directory_ / "out"); }

 private:
  std::string address() const {
    const auto announced = matches(output(), "listening on (127\\.0\\.0\\.1:[0-9]+)\n");
    return announced.empty() ? "" : announced[0];
  }

  Directory directory_;
  std::optional<Process> process_;
};
