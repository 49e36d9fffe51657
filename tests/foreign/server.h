// What the tests of other people's servers share: where they run, how their death is seen, the two halves of every
// test.
#pragma once

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "foreign/attack.h"
#include "support/catch.h"
#include "support/daemon.h"
#include "support/directory.h"

// Makes a file and returns its path. `mode` as of chmod(2).
inline std::string write_file(const std::string& path, const std::string& content = "", unsigned mode = 0644) {
  std::ofstream(path) << content;
  std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode));
  return path;
}

// Numbered lines: lost, doubled and swapped bytes show. Sixteen million are more than the two sockets' buffers hold.
inline std::string lines(size_t bytes = 16'000'000) {
  std::string text;
  text.reserve(bytes + 60);
  for (size_t number = 0; text.size() < bytes; ++number) {
    std::string digits = std::to_string(number);
    digits.insert(0, 8 - digits.size(), '0');
    text += digits + " the quick brown fox jumps over the lazy dog\n";
  }
  return text;
}

inline std::string http_body(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

// What a client that stays gets.
inline std::string ask(int port, std::string_view request = "") {
  const Client client(port);
  client.send(request);
  return client.read_all();
}

// A server to attack.
struct Target {
  std::function<Strings(int port)> command;
  std::function<void(int port, Departure how, size_t heard)> attack;  // one client that leaves
  std::function<bool(int port)> answers_right;                        // asked by one that stays
  Start start = {};
  size_t lingering = 0;  // children that may be left when all clients are gone
  int at_least = 200;    // attacks under the shim
  int nudge = 0;         // a signal for a server that may miss the end of a child
};

inline void attack(const Target& target, int port, int number) {
  const auto index = static_cast<size_t>(number);
  target.attack(port, departures[index % departures.size()], index * 7919 % 262144);
}

inline bool answers(const Target& target, int port) {
  constexpr std::chrono::seconds patience{90};
  return eventually([&] { return listening(port); }, patience) &&
         eventually([&] { return target.answers_right(port); }, patience);
}

// Bare, the server itself dies of one of a few clients that leave: how many it took. `Kind` is Process or Daemon.
template <class Kind = Process>
int dies_bare(const Target& target) {
  const int port = free_port();
  Kind server(target.command(port), target.start);
  REQUIRE(answers(target, port));
  int clients = 0;
  while (server.running() && clients < 300) attack(target, port, clients++);
  const Ending death = server.wait();
  INFO(death.text() << " after " << clients << " clients\n" << death.err);
  REQUIRE(death.killed_by(SIGPIPE));
  return clients;
}

// A server under the shim that answers, with a log.
template <class Kind>
class ShimmedServer {
 public:
  explicit ShimmedServer(const Target& target, const Strings& variables = {})
      : target_(target),
        server_(target.command(port_), with_shim(joined({"NOSIGPIPE_LOG=" + log_}, variables), target.start)) {
    REQUIRE(answers(target, port_));
  }

  Kind& process() { return server_; }
  const std::string& log() const { return log_; }

  // So many clients leave, and one that stays is answered after all of them.
  void outlives(int clients) {
    for (int i = 0; i < clients && server_.running(); ++i) attack(target_, port_, i);
    if (!server_.running()) FAIL(server_.wait().text());
    REQUIRE(answers(target_, port_));
  }

 private:
  const Target& target_;
  const Directory directory_;
  const std::string log_ = write_file(directory_ / "averted", "", 0666);
  const int port_ = free_port();
  Kind server_;
};

// Under the shim it lives, and answers right; and the shim has averted what would have killed it.
template <class Kind = Process>
void survives_shimmed(const Target& target, int clients) {
  ShimmedServer<Kind> server(target);
  server.outlives(clients);
  REQUIRE(!contents(server.log()).empty());
}

template <class Kind = Process>
void dies_bare_and_survives_shimmed(const Target& target) {
  survives_shimmed<Kind>(target, std::max(10 * dies_bare<Kind>(target), target.at_least));
}

// Armed as it runs it lives and answers right, and detached it dies as it does bare.
template <class Kind = Process>
void survives_attached_and_dies_detached(const Target& target) {
  const int clients = std::max(10 * dies_bare<Kind>(target), target.at_least);
  const int port = free_port();
  Kind server(target.command(port), target.start);
  REQUIRE(answers(target, port));
  const auto attach = [&](const Strings& words) {
    const auto ending = run(joined(joined({built("nosigpipe-attach")}, words), {std::to_string(server.pid())}));
    INFO(ending.text() << "\n" << ending.out << ending.err);
    REQUIRE(ending.exited(0));
  };
  attach({});
  for (int i = 0; i < clients && server.running(); ++i) attack(target, port, i);
  if (!server.running()) FAIL(server.wait().text());
  REQUIRE(answers(target, port));
  attach({"--detach"});
  for (int i = 0; i < 300 && server.running(); ++i) attack(target, port, i);
  CHECK(server.wait().killed_by(SIGPIPE));
}

// How the children of a server ended, its own children's children included.
class Endings {
 public:
  Endings() : file_(write_file(directory_ / "endings", "", 0666)) {}
  Start seen(Start start) const {
    start.env.push_back("LD_PRELOAD=" + built("tests/victims/libendings.so"));
    start.env.push_back("ENDINGS=" + file_);
    return start;
  }
  std::vector<int> statuses() const {
    std::ifstream file(file_);
    return {std::istream_iterator<int>(file), {}};
  }
  long killed_by(int signal) const {
    const auto list = statuses();
    return std::count_if(list.begin(), list.end(),
                         [=](int status) { return WIFSIGNALED(status) && WTERMSIG(status) == signal; });
  }

 private:
  Directory directory_;
  std::string file_;
};

// Bare, every client that leaves has a process killed. Under the shim ten times as many, leaving in every way, have
// none killed, and the server still answers right.
template <class Kind = Process>
void loses_a_child_per_client_bare_and_none_shimmed(const Target& target) {
  constexpr int clients = 20;
  {
    const Endings endings;
    const int port = free_port();
    Kind bare(target.command(port), endings.seen(target.start));
    REQUIRE(answers(target, port));
    for (size_t i = 0; i < clients; ++i) {
      target.attack(port, Departure::unread, i * 256);
      kill(bare.pid(), target.nudge);
    }
    eventually([&] {
      kill(bare.pid(), target.nudge);
      return endings.killed_by(SIGPIPE) >= clients;
    });
    REQUIRE(endings.killed_by(SIGPIPE) == clients);
  }
  const Endings endings;
  const int port = free_port();
  Kind server(target.command(port), with_shim({}, endings.seen(target.start)));
  REQUIRE(answers(target, port));
  for (int i = 0; i < 10 * clients; ++i) {
    attack(target, port, i);
    kill(server.pid(), target.nudge);
  }
  REQUIRE(answers(target, port));
  REQUIRE(eventually([&] {
    kill(server.pid(), target.nudge);
    const auto left = children(server.pid()).size();
    return endings.statuses().size() + left >= 10 * clients && left <= target.lingering;
  }));
  REQUIRE(endings.killed_by(SIGPIPE) == 0);
}
