// System calls, counted by strace: a call on a live socket, file or pipe makes itself and no other.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "support/catch.h"
#include "support/directory.h"
#include "support/process.h"

namespace {

// A tracer that watches the start changes what the shim does, so strace comes when the program is under way.
std::vector<std::string> calls_made(const std::string& verb, const std::string& kind, const Start& how) {
  int input[2];
  REQUIRE(pipe2(input, O_CLOEXEC) == 0);
  Start start = how;
  start.in = input[0];
  Process caller({built("tests/victims/caller"), verb, "3", kind}, start);
  close(input[0]);
  const auto proc = "/proc/" + std::to_string(caller.pid()) + "/";
  // It reads its standard input.
  REQUIRE(eventually([&] { return contents(proc + "syscall").starts_with("0 0x0 "); }));

  const Directory directory;
  const auto trace = directory / "trace";
  Start saying;
  saying.err = open((directory / "said").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  Process strace({"strace", "--quiet=exit", "-o", trace, "-p", std::to_string(caller.pid())}, saying);
  close(saying.err);
  // It has told the caller to stop. As its tracer it is known a moment before that.
  REQUIRE(eventually([&] { return contents(directory / "said").find(" attached\n") != std::string::npos; }));
  REQUIRE(write(input[1], "x", 1) == 1);
  close(input[1]);
  REQUIRE(caller.wait().exited(0));
  REQUIRE(strace.wait().exited(0));

  std::vector<std::string> names;
  bool between = false;
  for (const auto& line : lines_of(contents(trace))) {
    const auto name = line.substr(0, line.find('('));
    if (name == "getppid")
      between = !between;
    else if (between)
      names.push_back(name);
  }
  return names;
}

using Names = std::vector<std::string>;

// A write on a socket is made as a send.
void adds_nothing(const std::string& verb, const std::string& kind) {
  Start shim;
  shim.shim = true;
  INFO(verb << " on " << kind);
  auto expected = calls_made(verb, kind, {});
  CHECK(expected.size() >= 3);
  if (verb == "write") std::replace(expected.begin(), expected.end(), std::string("write"), std::string("sendto"));
  CHECK(calls_made(verb, kind, shim) == expected);
}

}  // namespace

TEST_CASE("a call that carries a flag makes exactly one system call on a live socket") {
  for (const auto* kind : {"tcp", "unix"}) {
    adds_nothing("write", kind);
    adds_nothing("send", kind);
    adds_nothing("sendto", kind);
    adds_nothing("sendmsg", kind);
    adds_nothing("sendmmsg", kind);
  }
}

TEST_CASE("a call that cannot carry a flag makes exactly one system call on a live socket") {
  for (const auto* kind : {"tcp", "unix"}) {
    adds_nothing("writev", kind);
    adds_nothing("pwritev2", kind);
    adds_nothing("sendfile", kind);
    adds_nothing("splice", kind);
    adds_nothing("dprintf", kind);
  }
}

TEST_CASE("the control: with guard mask a sendfile makes two system calls more") {
  Start mask;
  mask.shim = true;
  mask.env = {"NOSIGPIPE_GUARD=mask"};
  CHECK(calls_made("sendfile", "tcp", mask) == Names{"rt_sigprocmask", "sendfile", "rt_sigprocmask", "rt_sigprocmask",
                                                     "sendfile", "rt_sigprocmask", "rt_sigprocmask", "sendfile",
                                                     "rt_sigprocmask"});
}

TEST_CASE("only the first write on a file or pipe makes a system call more") {
  Start shim;
  shim.shim = true;
  for (const auto* kind : {"file", "pipe"})
    CHECK(calls_made("write", kind, shim) == Names{"sendto", "write", "write", "write"});
  adds_nothing("writev", "pipe");
  adds_nothing("splice", "pipe");
  adds_nothing("vmsplice", "pipe");
}

TEST_CASE("the start adds at most 15 system calls") {
  const auto calls = [](const std::string& preloaded) {
    const Directory directory;
    REQUIRE(run({"strace", "-o", directory / "trace", "-E", "LD_PRELOAD=" + preloaded, "true"}).exited(0));
    return lines_of(contents(directory / "trace")).size();
  };
  const auto added = calls(built("libnosigpipe.so")) - calls("");
  INFO("system calls added: " << added);
  CHECK(added > 0);
  CHECK(added <= 15);
}
