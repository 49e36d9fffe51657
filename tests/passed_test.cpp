// What the log says of a SIGPIPE that is not averted: every death has a line before it, the last of the log, that says
// what has killed; and so has what the program's own handler is called for.
#include <unistd.h>

#include "support/directory.h"
#include "support/log_lines.h"
#include "support/scene.h"

namespace {

struct Passed {
  std::vector<Line> lines;
  Ending ending;
  const Line& last() const {
    REQUIRE(!lines.empty());
    return lines.back();
  }
};

// Under the shim it ends and prints as bare, and this is its log.
Passed passed(const std::string& scene, const Strings& variables = {}, bool prints_pids = false) {
  const Directory directory;
  const Directory place, place_of_control;
  Start start;
  start.directory = place_of_control.path();
  const auto control = bare(scene, start);
  start.directory = place.path();
  const auto ending = shimmed(scene, joined({"NOSIGPIPE_LOG=" + directory / "log"}, variables), start);
  INFO(scene << " with " << words(variables) << ending.err);
  CHECK(ending.text() == control.text());
  if (!prints_pids) CHECK(ending.out == control.out);
  return {parsed(contents(directory / "log")), ending};
}

// Bare SIGPIPE kills it; under the shim, too, and the log has this one line.
Line death(const std::string& scene, const Strings& variables = {}, bool prints_pids = false) {
  const auto [lines, ending] = passed(scene, variables, prints_pids);
  INFO(scene);
  CHECK(ending.killed_by(SIGPIPE));
  REQUIRE(lines.size() == 1);
  const auto& line = lines[0];
  CHECK(line["event"] == "passed");
  CHECK(line["would_kill"] == "yes");
  CHECK(line["technique"] == "none");
  CHECK(line["count"] == "1");
  CHECK(line["kills"] == "1");
  CHECK(!line["offset"].empty());
  return line;
}

void was_sent(const Line& line, const std::string& call) {
  CHECK(line["kind"] == "signal");
  CHECK(line["call"] == call);
  CHECK(line["fd"].empty());
  CHECK(line["sender_uid"] == std::to_string(getuid()));
}

void was_sent_by_itself(const Line& line, const std::string& call) {
  was_sent(line, call);
  CHECK(line["sender_pid"] == line["pid"]);
  CHECK(line.text("sender") == "scenes");
}

const std::vector<Strings> kSettings = {
    {}, {"NOSIGPIPE_GUARD=mask"}, {"NOSIGPIPE_GUARD=catch"}, {"NOSIGPIPE_MODE=observe"}};

void deaths_are_told(const std::string& of) {
  flavour = of;
  for (const auto& setting : kSettings) {
    INFO(words(setting));
    const auto pipe = death("pipe_still_kills", setting);
    CHECK(pipe["call"] == "write");
    CHECK(pipe["kind"] == "pipe");
    CHECK(pipe.number("fd") > 2);
    CHECK(pipe["socket"] == "none");
    CHECK(death("pipe_stdio_still_kills", setting)["kind"] == "pipe");
    const auto part = death("passed_pipe_after_a_part", setting);
    const bool is_masked = setting == Strings{"NOSIGPIPE_GUARD=mask"};  // it comes when the call is over
    CHECK(part["call"] == (is_masked ? "unknown" : "write"));
    CHECK(part["kind"] == (is_masked ? "earlier" : "pipe"));
    CHECK(death("pipe_splice_still_kills", setting)["call"] == "splice");
    const auto fifo = death("passed_fifo", setting);
    CHECK(fifo["kind"] == "fifo");
    CHECK(fifo.text("path").ends_with("/a \"fifo\""));
    for (const std::string call : {"write", "send", "writev"}) {
      const auto line = death("passed_socketpair_by_" + call, setting);
      CHECK(line["kind"] == "socketpair");
      CHECK(line["fd"] == "1");
      CHECK((line["call"] == call || line["call"] == "sendto"));
      CHECK(line["type"] == "stream");
    }
    CHECK(death("passed_socketpair_by_dprintf", setting)["kind"] == "socketpair");
    was_sent_by_itself(death("kill_still_kills", setting), "kill");
    was_sent_by_itself(death("raise_still_kills", setting), "tgkill");
    was_sent_by_itself(death("pthread_kill_still_kills", setting), "tgkill");
  }
}

}  // namespace

TEST_CASE("what kills is told before the death: pipe, FIFO, socketpair, signal") { deaths_are_told(""); }
TEST_CASE("i386: what kills is told before the death: pipe, FIFO, socketpair, signal") { deaths_are_told("i386/"); }

TEST_CASE("of a signal that another process has sent, its pid and user and name are told") {
  for (const auto& setting : kSettings) {
    for (const std::string call : {"kill", "sigqueue"}) {
      const Directory directory;
      const auto scene = "passed_" + call + "_of_child";
      CHECK(bare(scene).killed_by(SIGPIPE));
      const auto ending = shimmed(scene, joined(setting, {"NOSIGPIPE_LOG=" + directory / "log"}));
      CHECK(ending.killed_by(SIGPIPE));
      const Line line = only_line(contents(directory / "log"));
      was_sent(line, call);
      CHECK(ending.out == "child " + line["sender_pid"] + "\n");
      CHECK(line.text("sender") == "scenes");
      CHECK(line["would_kill"] == "yes");
    }
  }
}

TEST_CASE("a signal of a timer is told, and nobody has sent it") {
  const auto line = death("passed_by_timer");
  CHECK(line["kind"] == "signal");
  CHECK(line["call"] == "unknown");
  CHECK(line["sender_pid"].empty());
}

TEST_CASE("what a handler has left pending is told as what it is, behind the line of what the handler was called for") {
  const auto left = [](const std::string& scene) {
    INFO(scene);
    const auto [lines, ending] = passed(scene);
    CHECK(ending.killed_by(SIGPIPE));
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]["kind"] == "socket");
    CHECK(lines[0]["kills"] == "0");
    CHECK(lines[1]["event"] == "passed");
    CHECK(lines[1]["would_kill"] == "yes");
    return lines[1];
  };
  was_sent_by_itself(left("handler_that_dies_of_the_signal"), "kill");
  CHECK(left("handler_writes_to_dead_pipe")["kind"] == "pipe");
  const auto disguised = left("handler_writes_to_pipe_in_disguise");
  CHECK(disguised["kind"] == "socketpair");
  CHECK(disguised["fd"] == "2");
}

TEST_CASE("the place of a death is in the program, and its stack leads to main") {
  for (const auto& scene :
       {"pipe_still_kills", "pipe_stdio_still_kills", "kill_still_kills", "passed_socketpair_by_send"}) {
    const auto line = death(scene, {"NOSIGPIPE_STACK=32"});
    CHECK(line["module"] == line["exe"]);
    CHECK(has(line["stack"], ";"));
  }
}

TEST_CASE("a death in a thread is told with that thread") {
  const auto line = death("passed_in_thread");
  CHECK(line.text("thread") == "piper");
  CHECK(line["tid"] != line["pid"]);
}

TEST_CASE("the death of a child of fork or vfork is told by the child") {
  for (const std::string way : {"fork", "vfork"}) {
    const auto scene = "passed_in_child_of_" + way;
    CHECK(has(bare(scene).out, ", signal 13\n"));
    const auto [lines, ending] = passed(scene, {}, true);
    REQUIRE(lines.size() == 1);
    CHECK(ending.out == "child " + lines[0]["pid"] + ", signal 13\n");
    CHECK(lines[0]["kind"] == "pipe");
    CHECK(lines[0]["would_kill"] == "yes");
  }
}

TEST_CASE("a ring's write that kills is told, at once and put off") {
  if (bare("ring_to_dead_pipe_still_kills", ignoring_sigpipe()).out.starts_with("refused")) SKIP_TEST("no io_uring");
  const auto pipe = death("ring_to_dead_pipe_still_kills");
  CHECK(pipe["call"] == "io_uring_enter");
  CHECK(pipe["kind"] == "pipe");
  for (const auto& setting : kSettings) {
    const auto later = death("passed_by_ring_later", setting);
    CHECK(later["kind"] == "earlier");
    CHECK(later["sender_pid"] == later["pid"]);
  }
}

TEST_CASE("a runaway that is given its SIGPIPE is told, too") {
  const auto victim = joined({built("tests/victims/totals_victim")}, {"unix-closed", "storm=50000000"});
  const auto ending =
      run(victim, with_shim({"NOSIGPIPE_LOG=stderr", "NOSIGPIPE_RUNAWAY=deliver", "NOSIGPIPE_RUNAWAY_AFTER=1"}));
  CHECK(ending.killed_by(SIGPIPE));
  const auto lines = parsed(ending.err, "passed");  // the other thread may still have some of its own
  REQUIRE(!lines.empty());
  const auto& line = lines.front();
  CHECK(line["kind"] == "runaway");
  CHECK(line["would_kill"] == "yes");
  CHECK(line["fd"] == parsed(ending.err, "averted")[0]["fd"]);
  CHECK(line.text("module") == built("tests/victims/totals_victim"));
}

TEST_CASE("a SIGPIPE that was blocked is told when it is unblocked, with the write that has raised it") {
  for (const auto& setting : kSettings) {
    INFO(words(setting));
    const auto line = death("passed_when_unblocked", setting);
    CHECK(line["call"] == "write");
    CHECK(line["kind"] == "pipe");
    CHECK(death("passed_socketpair_when_unblocked", setting)["kind"] == "socketpair");
  }
}

TEST_CASE("what was drained is not taken for what raises the next one") {
  const auto line = death("passed_kill_of_thread_after_drained");
  CHECK(line["fd"].empty());
  CHECK((line["kind"] == "earlier" || line["kind"] == "signal"));
}

TEST_CASE("what the program's own handler is called for is told before it, and would not kill") {
  for (const auto& setting : kSettings)
    for (const std::string scene : {"passed_to_handler_that_exits", "passed_to_handler_that_exits_by_socket"}) {
      const bool by_socket = scene.ends_with("socket");
      const auto [lines, ending] = passed(scene, setting);
      INFO(scene << " with " << words(setting));
      CHECK(ending.exited(7));
      REQUIRE(lines.size() == 1);
      CHECK(lines[0]["event"] == (by_socket && setting == Strings{"NOSIGPIPE_MODE=observe"} ? "observed" : "passed"));
      CHECK(lines[0]["would_kill"] == "no");
      CHECK(lines[0]["kills"] == "0");
      CHECK(lines[0]["call"] == "write");
      if (!by_socket) CHECK(lines[0]["kind"] == "pipe");
    }
}

TEST_CASE("a program that raises SIGPIPE itself after EPIPE has a line for each") {
  for (const auto& setting : kSettings) {
    const auto [lines, ending] = passed("passed_by_own_raise_after_epipe", setting);
    CHECK(ending.killed_by(SIGPIPE));
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]["kind"] == "socketpair");
    CHECK(lines[0]["fd"] == "1");
    CHECK(lines[0]["would_kill"] == "no");
    CHECK(lines[1]["would_kill"] == "yes");
    was_sent_by_itself(lines[1], "tgkill");
  }
}

TEST_CASE("a program that dies of what its child has died of has no line beside the child's") {
  const Directory directory;
  const Strings words{"timeout", "60", built("tests/victims/scenes/scenes"), "pipe_still_kills"};
  CHECK(run(words).killed_by(SIGPIPE));
  CHECK(run(words, with_shim({"NOSIGPIPE_LOG=" + directory / "log"})).killed_by(SIGPIPE));
  const auto lines = parsed(contents(directory / "log"));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["exe"].find("scenes") != std::string::npos);
  CHECK(lines[0]["kind"] == "pipe");
}

TEST_CASE("a child that kills itself has its line though its parent has lost another one before") {
  const auto [lines, ending] = passed("passed_kill_of_second_child");
  CHECK(ending.out == "child, signal 13\nchild, signal 13\n");
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["kind"] == "pipe");
  was_sent_by_itself(lines[1], "kill");
}

TEST_CASE("a program that kills itself has its line though a child of its has ended well") {
  const Directory directory;
  const Strings words{"sh", "-c", "/bin/true; kill -PIPE $$"};
  CHECK(run(words).killed_by(SIGPIPE));
  CHECK(run(words, with_shim({"NOSIGPIPE_LOG=" + directory / "log"})).killed_by(SIGPIPE));
  const auto line = only_line(contents(directory / "log"));
  CHECK(line["kind"] == "signal");
  CHECK(line["sender_pid"] == line["pid"]);
}

TEST_CASE("where the kernel offers no vDSO errno after a write is EPIPE as ever") {
  const auto oracle = bare("without_vdso", ignoring_sigpipe());
  CHECK(oracle.out == "Broken pipe\n");
  const Directory directory;
  for (const auto& guard : kGuards) {
    CHECK(shimmed("without_vdso", guard).out == oracle.out);
    CHECK(shimmed("without_vdso", joined(guard, {"NOSIGPIPE_LOG=" + directory / "log"})).out == oracle.out);
  }
}

TEST_CASE("a program that forbids its threads the processor's counter has its lines, and no fault") {
  for (const std::string of : {"", "i386/"}) {
    flavour = of;
    if (!bare("reads_clock_without_counter").killed_by(SIGSEGV)) SKIP_TEST("the time is known without the counter");
    for (const std::string scene : {"forbids_counter", "forbids_counter_by_syscall"}) {
      INFO(of << scene);
      CHECK(bare(scene).killed_by(SIGPIPE));
      const Ending ending = shimmed(scene, {"NOSIGPIPE_LOG=stderr"});
      CHECK(ending.out == "alive\n");
      CHECK(count_of(parsed(ending.err)) == (scene == "forbids_counter" ? 2 : 1));
    }
  }
}

TEST_CASE("a handler that is called again and again has a line for each power of two, and no count is lost") {
  for (const auto& setting : kSettings) {
    const auto rarely = joined(setting, {"NOSIGPIPE_INTERVAL=3600000"});
    const auto [lines, ending] = passed("passed_to_handler_that_goes_on", rarely);
    CHECK(ending.out == "called 100 times\n");
    CHECK(lines.size() == 8);  // 1, 2, 4 ... 64, and the rest at the end
    CHECK(count_of(lines) == 100);
    CHECK(count_of(lines, "kills") == 0);
    for (const auto& line : lines) CHECK(line["event"] == "passed");
  }
  CHECK(passed("passed_to_handler_that_goes_on", {"NOSIGPIPE_INTERVAL=0"}).lines.size() == 100);
}

TEST_CASE("what is averted and what kills are counted apart, at one place, and the death comes last") {
  const auto scene = "passed_and_averted_at_one_place";
  CHECK(bare(scene).killed_by(SIGPIPE));
  CHECK(bare(scene, ignoring_sigpipe()).exited(0));
  const Directory directory;
  CHECK(shimmed(scene, {"NOSIGPIPE_LOG=" + directory / "log"}).killed_by(SIGPIPE));
  const auto lines = parsed(contents(directory / "log"));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["event"] == "averted");
  CHECK(lines[1]["event"] == "averted");
  CHECK(lines[2]["event"] == "total");
  CHECK(lines[2]["total"] == "3");
  CHECK(count_of(lines) == 4);
  CHECK(lines[3]["event"] == "passed");
  CHECK(lines[3]["count"] == "1");
  CHECK(lines[3]["offset"] == lines[0]["offset"]);
}

TEST_CASE("the first process of a container is told not to be killed") {
  if (geteuid() != 0 || !run({"unshare", "--pid", "--fork", "true"}).exited(0)) SKIP_TEST("unshare is not allowed");
  const auto scenes = built("tests/victims/scenes/scenes");
  const Strings words{"unshare", "--pid", "--fork", scenes, "pipe_still_kills"};
  CHECK(run(words).exited(0));
  const Ending ending = run(words, with_shim({"NOSIGPIPE_LOG=stderr"}));
  CHECK(ending.exited(0));
  const auto line = only_line(ending.err);
  CHECK(line["event"] == "passed");
  CHECK(line["would_kill"] == "no");
}

TEST_CASE("without a log, or in mode off, a death says nothing") {
  for (const Strings& setting : {Strings{}, {"NOSIGPIPE_MODE=off", "NOSIGPIPE_LOG=stderr"}}) {
    const auto ending = shimmed("pipe_still_kills", setting);
    CHECK(ending.killed_by(SIGPIPE));
    CHECK(ending.err.empty());
  }
}
