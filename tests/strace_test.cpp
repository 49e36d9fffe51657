// System calls, counted by strace: a call on a live socket, file or pipe makes itself and no other.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "support/catch.h"
#include "support/cost.h"
#include "support/tracer.h"

namespace {

Strings calls_made(const std::string& verb, const std::string& kind, const Start& how) {
  int input[2];
  REQUIRE(pipe2(input, O_CLOEXEC) == 0);
  Start start = how;
  start.in = input[0];
  Process caller({built("tests/victims/caller"), verb, "3", kind}, start);
  close(input[0]);
  const auto proc = "/proc/" + std::to_string(caller.pid()) + "/";
  // It reads its standard input.
  REQUIRE(eventually([&] { return contents(proc + "syscall").starts_with("0 0x0 "); }));

  Tracer strace(caller.pid(), {"--quiet=exit"});
  REQUIRE(write(input[1], "x", 1) == 1);
  close(input[1]);
  REQUIRE(caller.wait().exited(0));

  Strings names;
  bool between = false;
  for (const auto& line : lines_of(strace.trace())) {
    const auto name = line.substr(0, line.find('('));
    if (name == "getppid")
      between = !between;
    else if (between)
      names.push_back(name);
  }
  return names;
}

// A write on a socket is made as a send.
void adds_nothing(const std::string& verb, const std::string& kind) {
  INFO(verb << " on " << kind);
  auto expected = calls_made(verb, kind, {});
  CHECK(expected.size() >= 3);
  if (verb == "write") std::replace(expected.begin(), expected.end(), std::string("write"), std::string("sendto"));
  CHECK(calls_made(verb, kind, with_shim()) == expected);
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
  const Start mask = with_shim({"NOSIGPIPE_GUARD=mask"});
  CHECK(calls_made("sendfile", "tcp", mask) == Strings{"rt_sigprocmask", "sendfile", "rt_sigprocmask", "rt_sigprocmask",
                                                       "sendfile", "rt_sigprocmask", "rt_sigprocmask", "sendfile",
                                                       "rt_sigprocmask"});
}

TEST_CASE("only the first write on a file or pipe makes a system call more") {
  for (const auto* kind : {"file", "pipe"})
    CHECK(calls_made("write", kind, with_shim()) == Strings{"sendto", "write", "write", "write"});
  adds_nothing("writev", "pipe");
  adds_nothing("splice", "pipe");
  adds_nothing("vmsplice", "pipe");
}

TEST_CASE("the start adds at most 15 system calls") {
  const auto added = cost::calls_of_true(built("libnosigpipe.so")) - cost::calls_of_true("");
  INFO("system calls added: " << added);
  CHECK(added > 0);
  CHECK(added <= 15);
}
