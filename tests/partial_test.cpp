// sendfile and splice to a peer that leaves half-way: they report the bytes that went, and SIGPIPE is raised as well.
#include <sched.h>

#include <cstdio>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/process.h"

namespace {

struct Counts {
  int partial = 0;      // rounds in which something was sent, but not all
  int seen = 0;         // rounds in which SIGPIPE was seen although something was sent
  int left_behind = 0;  // rounds after which SIGPIPE was pending
  int changed = 0;      // rounds after which the mask was another
};

const Strings kBare;
const Strings kGuards[] = {
    {"NOSIGPIPE_GUARD=auto"},
    {"NOSIGPIPE_GUARD=mask"},
    {"NOSIGPIPE_GUARD=catch"},
    {"NOSIGPIPE_GUARD=hooks"},
};

// Where each round waits for a peer that must be at work at that moment, on another processor.
bool waits(const std::string& call, const std::string& socket) { return call.ends_with("splice") && socket == "unix"; }

bool has_one_processor() {
  cpu_set_t all;
  return sched_getaffinity(0, sizeof all, &all) == 0 && CPU_COUNT(&all) == 1;
}

Ending leave_half_way(const std::string& call, const std::string& socket, const std::string& disposition,
                      const Strings& variables) {
  Start start;
  start.shim = &variables != &kBare;
  start.env = variables;
  // Fewer where each round waits, and where not survival is in question.
  const std::string rounds = disposition != "default" ? "500" : waits(call, socket) ? "1000" : "3000";
  return run({built("tests/victims/half_way"), call, socket, disposition, rounds}, start, std::chrono::seconds(250));
}

Counts counted(const Ending& ending) {
  INFO(ending.text() << "\n" << ending.err);
  REQUIRE(ending.exited(0));
  Counts counts;
  REQUIRE(std::sscanf(ending.out.c_str(), "partial=%d seen=%d left_behind=%d changed=%d", &counts.partial, &counts.seen,
                      &counts.left_behind, &counts.changed) == 4);
  return counts;
}

void expect_survival(const std::string& call, const std::string& socket) {
  if (waits(call, socket) && has_one_processor()) SKIP_TEST("it takes two processors");
  {
    const Ending bare = leave_half_way(call, socket, "default", kBare);
    INFO(bare.text() << "\n" << bare.out << bare.err);
    CHECK(bare.killed_by(13));
  }
  CHECK(counted(leave_half_way(call, socket, "blocked", kBare)).seen > 0);

  const bool is_hooked = !call.starts_with("syscall_");
  for (const auto& variables : kGuards) {
    if (!is_hooked && variables.front() == "NOSIGPIPE_GUARD=hooks") continue;  // nothing but the handler sees it
    INFO(variables.front());
    const Counts counts = counted(leave_half_way(call, socket, "default", variables));
    CHECK(counts.partial > 0);
    CHECK(counts.left_behind == 0);
    CHECK(counts.changed == 0);
  }
}

}  // namespace

TEST_CASE("sendfile to a TCP peer that leaves half-way kills nobody") { expect_survival("sendfile", "tcp"); }
TEST_CASE("sendfile to an AF_UNIX peer that leaves half-way kills nobody") { expect_survival("sendfile", "unix"); }
TEST_CASE("splice to a TCP peer that leaves half-way kills nobody") { expect_survival("splice", "tcp"); }
TEST_CASE("splice to an AF_UNIX peer that leaves half-way kills nobody") { expect_survival("splice", "unix"); }

TEST_CASE("sendfile past the hooks to a TCP peer that leaves half-way kills nobody") {
  expect_survival("syscall_sendfile", "tcp");
}
TEST_CASE("sendfile past the hooks to an AF_UNIX peer that leaves half-way kills nobody") {
  expect_survival("syscall_sendfile", "unix");
}
TEST_CASE("splice past the hooks to a TCP peer that leaves half-way kills nobody") {
  expect_survival("syscall_splice", "tcp");
}
TEST_CASE("splice past the hooks to an AF_UNIX peer that leaves half-way kills nobody") {
  expect_survival("syscall_splice", "unix");
}

TEST_CASE("a thread that blocks SIGPIPE finds it pending after a sendfile that went half-way") {
  CHECK(counted(leave_half_way("sendfile", "tcp", "blocked", kBare)).seen > 0);
  for (const auto& variables : kGuards) {
    INFO(variables.front());
    const Counts counts = counted(leave_half_way("sendfile", "tcp", "blocked", variables));
    CHECK(counts.seen > 0);
    CHECK(counts.changed == 0);
  }
}

TEST_CASE("a handler is called for a sendfile that went half-way if it is to be and else not") {
  CHECK(counted(leave_half_way("sendfile", "tcp", "handler", kBare)).seen > 0);
  for (auto variables : kGuards) {
    INFO(variables.front());
    CHECK(counted(leave_half_way("sendfile", "tcp", "handler", variables)).seen > 0);
    variables.push_back("NOSIGPIPE_HANDLERS=bypass");
    CHECK(counted(leave_half_way("sendfile", "tcp", "handler", variables)).seen == 0);
  }
}
