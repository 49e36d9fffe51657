// System calls, counted by strace: a call on a live socket, file or pipe makes itself and no other.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "support/catch.h"
#include "support/cost.h"
#include "support/tracer.h"

namespace {

// By name and in their order, those that the program makes between two calls of getppid, once it is told to begin.
Strings calls_made(const Strings& program, const Start& how) {
  int input[2];
  REQUIRE(pipe2(input, O_CLOEXEC) == 0);
  Start start = how;
  start.in = input[0];
  Process caller(program, start);
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

Strings calls_made(const std::string& verb, const std::string& kind, const Start& how) {
  return calls_made(Strings{built("tests/victims/caller"), verb, "3", kind}, how);
}

Strings calls_in_scene(const std::string& scene, const Start& how) {
  return calls_made(Strings{built("tests/victims/scenes/scenes"), scene}, how);
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

TRACING_TEST_CASE("a call that carries a flag makes exactly one system call on a live socket") {
  for (const auto* kind : {"tcp", "unix"}) {
    adds_nothing("write", kind);
    adds_nothing("send", kind);
    adds_nothing("sendto", kind);
    adds_nothing("sendmsg", kind);
    adds_nothing("sendmmsg", kind);
  }
}

TRACING_TEST_CASE("a call that cannot carry a flag makes exactly one system call on a live socket") {
  for (const auto* kind : {"tcp", "unix"}) {
    adds_nothing("writev", kind);
    adds_nothing("pwritev2", kind);
    adds_nothing("sendfile", kind);
    adds_nothing("splice", kind);
    adds_nothing("dprintf", kind);
  }
}

TRACING_TEST_CASE("the control: with guard mask a sendfile makes two system calls more") {
  const Start mask = with_shim({"NOSIGPIPE_GUARD=mask"});
  CHECK(calls_made("sendfile", "tcp", mask) == Strings{"rt_sigprocmask", "sendfile", "rt_sigprocmask", "rt_sigprocmask",
                                                       "sendfile", "rt_sigprocmask", "rt_sigprocmask", "sendfile",
                                                       "rt_sigprocmask"});
}

TRACING_TEST_CASE("only the first write on a file or pipe makes a system call more") {
  for (const auto* kind : {"file", "pipe"})
    CHECK(calls_made("write", kind, with_shim()) == Strings{"sendto", "write", "write", "write"});
  adds_nothing("writev", "pipe");
  adds_nothing("splice", "pipe");
  adds_nothing("vmsplice", "pipe");
}

TRACING_TEST_CASE("a write on a file makes exactly one system call however many handlers the program has had") {
  CHECK(calls_in_scene("twenty_handlers", {}) == Strings{"write", "write", "write"});
  CHECK(calls_in_scene("twenty_handlers", with_shim()) == Strings{"write", "write", "write"});
  CHECK(calls_in_scene("twenty_handlers", with_shim({"NOSIGPIPE_LOG=/dev/null"})) ==
        Strings{"write", "write", "write"});
}

namespace {

// What the scene makes so often has at most so many system calls more, and waits for nothing.
void adds_at_most(size_t more, const std::string& scene, size_t times, const std::string& guard) {
  const auto bare = calls_in_scene(scene, {});
  const auto calls = calls_in_scene(scene, with_shim({"NOSIGPIPE_GUARD=" + guard}));
  INFO(scene << " with guard " << guard << ": " << bare.size() << " calls bare, " << calls.size() << " under the shim");
  CHECK(bare.size() >= times);
  CHECK(calls.size() <= bare.size() + more * times);
  for (const std::string waits : {"nanosleep", "clock_nanosleep", "futex", "sched_yield"})
    CHECK(std::count(calls.begin(), calls.end(), waits) == 0);
}

}  // namespace

TRACING_TEST_CASE("a short write on a live socket waits for nothing where SIGPIPE is blocked and pending") {
  for (const auto* guard : {"auto", "mask", "hooks"}) adds_at_most(10, "short_writes_while_blocked", 20, guard);
}

TRACING_TEST_CASE("a short sendfile on a live socket waits for nothing where SIGPIPE is blocked and pending") {
  for (const auto* guard : {"auto", "mask", "hooks"}) adds_at_most(10, "short_sendfiles_while_blocked", 20, guard);
}

TRACING_TEST_CASE("a ring's write to a dead socket waits for nothing where the program has a handler") {
  const auto scenes = built("tests/victims/scenes/scenes");
  if (run({scenes, "ring_with_own_handler"}).out.starts_with("refused")) SKIP_TEST("io_uring is not permitted here");
  for (const auto* guard : {"auto", "mask", "hooks"}) adds_at_most(10, "ring_with_own_handler_when_told", 10, guard);
}

TRACING_TEST_CASE("a program that sets a filter finds no system call of ours from there on") {
  const Strings own{"prctl", "writev", "writev", "sendto", "sendto", "sendfile"};
  for (const auto* scene : {"sets_filter_when_told", "sets_filter_in_a_filter_when_told"}) {
    INFO(scene);
    for (const auto& start : {ignoring_sigpipe(), with_shim()}) {
      auto calls = calls_in_scene(scene, start);
      // The signal itself is a line, too, and the return from its handler is the program's as far as filters go.
      std::erase_if(calls, [](const auto& name) { return name == "rt_sigreturn" || name.starts_with("---"); });
      CHECK(calls == own);
    }
  }
}

TRACING_TEST_CASE("EPIPEs on many sockets in turn make no other system call") {
  const Strings sends(20, "sendto");
  auto ignored = calls_in_scene("many_dead_in_turn", ignoring_sigpipe());
  std::erase_if(ignored, [](const auto& name) { return name.starts_with("---"); });
  CHECK(ignored == sends);
  CHECK(calls_in_scene("many_dead_in_turn", with_shim()) == sends);
}

TRACING_TEST_CASE("an EPIPE met by the handler makes four system calls more, one of them the return from it") {
  const auto made = [](const Start& start) {
    auto calls = calls_in_scene("dead_writev_when_told", start);
    std::erase_if(calls, [](const auto& name) { return name.starts_with("---"); });
    return calls;
  };
  CHECK(made(ignoring_sigpipe()) == Strings{"writev"});
  CHECK(made(with_shim({"NOSIGPIPE_GUARD=catch"})) ==
        Strings{"writev", "getpid", "fcntl", "rt_sigreturn", "rt_sigprocmask"});
}

namespace {

// Of the fourth event at one place, which has a line of its own. To ask whether the callers' frames can be read is one
// call more for each further page that they lie on, two at most here.
Strings calls_of_a_line(const std::string& scene, const std::string& log) {
  auto calls = calls_in_scene(scene, with_shim({"NOSIGPIPE_LOG=" + log, "NOSIGPIPE_INTERVAL=0"}));
  INFO(log << ", " << scene);
  const auto masks = std::erase(calls, "rt_sigprocmask");
  CHECK(masks >= 2);
  CHECK(masks <= 4);
  CHECK(calls.front() == "sendto");
  calls.erase(calls.begin());
  return calls;
}

}  // namespace

TRACING_TEST_CASE("an event with a line of its own is 14 system calls on TCP and 15 on AF_UNIX") {
  const Directory directory;
  const auto log = directory / "log";
  const Strings event{"getsockopt", "gettid", "rt_sigaction", "sigaltstack", "prctl"};
  const Strings tcp{"newfstatat", "getsockname", "getsockopt", "getsockopt"};
  const Strings local{"newfstatat", "getsockname", "getpeername", "getsockopt", "ppoll"};
  const Strings line{"newfstatat", "newfstatat", "write"};
  CHECK(calls_of_a_line("one_more_on_tcp_when_told", log) == joined(joined(event, tcp), line));
  CHECK(calls_of_a_line("one_more_on_unix_when_told", log) == joined(joined(event, local), line));
  CHECK(lines_of(contents(log)).size() == 10);  // of each four events and the total
}

TRACING_TEST_CASE("a program that is short of descriptors at its first write has the same calls when it is no more") {
  const auto scene = "writes_when_numbers_are_free_again";
  CHECK(run({built("tests/victims/scenes/scenes"), scene}).killed_by(SIGPIPE));
  for (const Strings& log : {Strings{}, Strings{"NOSIGPIPE_LOG=/dev/null"}})
    CHECK(calls_in_scene(scene, with_shim(log)).at(0) == "sendto");
  CHECK(calls_in_scene(scene, with_shim()) == Strings{"sendto", "sendto"});
}

TRACING_TEST_CASE("the start adds at most 15 system calls") {
  const auto added = cost::calls_of_true(built("libnosigpipe.so")) - cost::calls_of_true("");
  INFO("system calls added: " << added);
  CHECK(added > 0);
  CHECK(added <= 15);
}
