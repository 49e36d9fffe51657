// A thread that never looks at what write returns, on a socket whose peer has gone.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/log_lines.h"
#include "support/scene.h"

namespace {

// A file that the scene counts its writes in, given to it as fd 3.
class Counter {
 public:
  Counter() : fd_(memfd_create("count", 0)) {
    REQUIRE(ftruncate(fd_, 4096) == 0);
    at_ = static_cast<volatile long*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0));
  }
  ~Counter() {
    munmap(const_cast<long*>(at_), 4096);
    close(fd_);
  }
  Strings start(const std::string& scene) const {
    return {"sh", "-c",
            "exec 3<>/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_) + "; exec \"$0\" \"$1\"",
            built("tests/victims/scenes/scenes"), scene};
  }
  long value() const { return *at_; }

 private:
  int fd_;
  volatile long* at_;
};

// The shortest time that there is; the scenes go on for some seconds.
Strings soon(Strings variables = {}) {
  variables.push_back("NOSIGPIPE_RUNAWAY_AFTER=1");
  return variables;
}

std::vector<Strings> each_soon(std::vector<Strings> guards) {
  for (auto& guard : guards) guard = soon(guard);
  return guards;
}

// What the runaway lines of a scene's log say was done.
std::string actions(const std::string& scene, const Strings& variables = {}) {
  const auto ending = shimmed(scene, joined(soon(variables), {"NOSIGPIPE_LOG=stderr"}));
  std::string all;
  for (const auto& line : parsed(ending.err, "runaway")) all += line["action"] + " ";
  return all;
}

}  // namespace

TEST_CASE("the control: with SIGPIPE ignored a runaway does not stop") {
  for (const auto* scene : {"runaway", "runaway_guarded", "runaway_unseen", "runaway_slow", "runaway_slow_unseen"}) {
    Counter counter;
    CHECK(run(counter.start(scene), ignoring_sigpipe()).exited(0));
    CHECK(counter.value() > 10);
  }
}

TEST_CASE("a storm of EPIPEs that is the whole process gets its SIGPIPE in the end") {
  for (const auto* scene : {"runaway", "runaway_guarded", "runaway_unseen"})
    for (const auto& guard : each_soon(kGuardsWithHandler)) {
      INFO(scene << " with " << words(guard));
      Counter counter;
      CHECK(run(counter.start(scene)).killed_by(SIGPIPE));
      CHECK(counter.value() == 0);
      CHECK(run(counter.start(scene), with_shim(guard)).killed_by(SIGPIPE));
      CHECK(counter.value() > 1000);
    }
}

TEST_CASE("a slow ticker that is the whole process gets its SIGPIPE in the end") {
  for (const auto* scene : {"runaway_slow", "runaway_slow_unseen"})
    for (const auto& guard : each_soon(kGuardsWithHandler)) {
      INFO(scene << " with " << words(guard));
      Counter counter;
      CHECK(run(counter.start(scene), with_shim(guard)).killed_by(SIGPIPE));
      CHECK(counter.value() >= 9);
    }
}

TEST_CASE("a ticker gets its SIGPIPE in the end after a write that it left by siglongjmp, too") {
  Counter counter;
  CHECK(run(counter.start("runaway_unseen_after_left_write"), with_shim(soon())).killed_by(SIGPIPE));
  CHECK(counter.value() >= 9);
}

TEST_CASE("a storm that ends within the time is no runaway, however many writes it has") {
  CHECK(bare("storm_that_ends").killed_by(SIGPIPE));
  for (const auto& guard : kGuards) CHECK(shimmed("storm_that_ends", guard).out == "alive\n");
}

TEST_CASE("fewer than ten EPIPEs are no runaway, however long they take") {
  survives("nine_in_three_seconds", {soon(), soon({"NOSIGPIPE_GUARD=mask"})});
}

TEST_CASE("NOSIGPIPE_RUNAWAY_AFTER says how many seconds make a runaway") {
  Counter counter;
  CHECK(run(counter.start("runaway"), with_shim({"NOSIGPIPE_RUNAWAY_AFTER=1"})).killed_by(SIGPIPE));
  CHECK(run(counter.start("runaway"), with_shim({"NOSIGPIPE_RUNAWAY_AFTER=86400"})).exited(0));
}

TEST_CASE("without a word a runaway has more than some seconds") {
  Counter counter;
  CHECK(run(counter.start("runaway"), with_shim()).exited(0));
}

TEST_CASE("who writes to something else in between is no runaway: a file") {
  survives("ticker_with_writes_to_a_file", {soon(), soon({"NOSIGPIPE_GUARD=mask"})});
}
TEST_CASE("who writes to something else in between is no runaway: a file, by stdio") {
  survives("ticker_with_stdio_to_a_file", {soon(), soon({"NOSIGPIPE_GUARD=mask"})});
}
TEST_CASE("who writes to something else in between is no runaway: a file, by stdio and not often") {
  survives("ticker_with_rare_stdio_to_a_file", {soon(), soon({"NOSIGPIPE_GUARD=mask"})});
}
TEST_CASE("who writes to something else in between is no runaway: another client") {
  survives("ticker_with_sends_to_another_client", {soon(), soon({"NOSIGPIPE_GUARD=mask"})});
}
TEST_CASE("lines of the log are no writes of the program") {
  const Directory directory;
  CHECK(shimmed("ticker", soon({"NOSIGPIPE_LOG=" + directory / "log", "NOSIGPIPE_INTERVAL=0"})).killed_by(SIGPIPE));
}

TEST_CASE("a runaway with a handler of its own has it called") {
  Counter counter;
  CHECK(run(counter.start("runaway_handled")).exited(9));
  CHECK(run(counter.start("runaway_handled"), with_shim()).exited(9));
  CHECK(counter.value() == 0);
}
TEST_CASE("a runaway whose handler is bypassed has it called in the end") {
  for (const auto& guard : each_soon(kGuardsWithHandler)) {
    INFO(words(guard));
    Counter counter;
    CHECK(run(counter.start("runaway_handled"), with_shim(joined(guard, {"NOSIGPIPE_HANDLERS=bypass"}))).exited(9));
    CHECK(counter.value() > 1000);
  }
}

TEST_CASE("a runaway's handler does not change errno") {
  CHECK(bare("runaway_handler_with_errno").out == "not EPIPE: 0\n");
  same_as_bare("runaway_handler_with_errno", {soon(), soon({"NOSIGPIPE_HANDLERS=bypass"})});
}

TEST_CASE("a program with a handler is never a runaway") {
  CHECK(bare("ticker_with_handler").exited(0));
  same_as_bare("ticker_with_handler", each_soon(kGuards));
}

TEST_CASE("a program that ignores SIGPIPE itself runs away as ever") {
  for (const auto* scene : {"runaway_ignored", "runaway_ignored_thread"}) {
    Counter counter;
    CHECK(run(counter.start(scene), with_shim(soon())).exited(0));
    CHECK(counter.value() > 1000);
  }
}

TEST_CASE("EPIPE without a signal, as AF_UNIX packets give it, is no runaway") {
  CHECK(bare("many_silent_epipes").exited(0));
  same_as_bare("many_silent_epipes", each_soon(kGuards));
}

TEST_CASE("a program with a handler that does nothing is not slowed down") {
  CHECK(bare("runaway_idle_handler").exited(0));
  for (const auto& guard : each_soon(kGuards)) {
    INFO(words(guard));
    const auto ending = shimmed("runaway_idle_handler", joined(guard, {"NOSIGPIPE_LOG=stderr"}));
    CHECK(ending.out == "alive\n");
    CHECK(!has(ending.err, "throttle"));
  }
}

TEST_CASE("NOSIGPIPE_RUNAWAY=off does nothing") {
  Counter counter;
  CHECK(run(counter.start("runaway"), with_shim(soon({"NOSIGPIPE_RUNAWAY=off"}))).exited(0));
}

TEST_CASE("a new client on the same fd is no runaway") {
  survives("many_clients");
  survives("many_clients_for_long", each_soon({kGuards.begin(), kGuards.begin() + 2}));
}

TEST_CASE("two dead sockets in turns are no runaway") {
  survives("two_in_turns", each_soon({kGuards.begin(), kGuards.begin() + 2}));
}

TEST_CASE("a second runaway of a thread is logged, too") {
  CHECK(bare("two_runaways").killed_by(SIGPIPE));
  CHECK(actions("two_runaways", {"NOSIGPIPE_RUNAWAY=throttle"}) == "throttle throttle ");
}

TEST_CASE("a runaway beside other threads is slowed down, is logged once, and the others are served") {
  for (const auto& guard : each_soon(kGuards)) {
    INFO(words(guard));
    Counter counter;
    int input[2], log[2];
    REQUIRE(pipe2(input, O_CLOEXEC) == 0);
    REQUIRE(pipe2(log, O_CLOEXEC | O_NONBLOCK) == 0);
    Start start = with_shim(joined(guard, {"NOSIGPIPE_LOG=stderr"}));
    start.in = input[0];
    start.err = log[1];
    Process process(counter.start("runaway_thread"), start);
    close(input[0]);
    close(log[1]);
    std::string lines;
    char buffer[4096];
    const auto slept = [&] {
      const ssize_t length = read(log[0], buffer, sizeof buffer);
      if (length > 0) lines.append(buffer, static_cast<size_t>(length));
      return has(lines, "action=throttle");
    };
    CHECK(eventually(slept));
    const long then = counter.value();
    CHECK(eventually([&] { return counter.value() > then + 3; }));  // it goes on
    CHECK(process.running());
    REQUIRE(write(input[1], "x", 1) == 1);
    close(input[1]);
    const auto ending = process.wait();
    CHECK(ending.exited(0));
    CHECK(ending.out == "served\n");
    for (ssize_t length; (length = read(log[0], buffer, sizeof buffer)) > 0;)
      lines.append(buffer, static_cast<size_t>(length));
    close(log[0]);
    CHECK(lines.find("action=throttle") == lines.rfind("action=throttle"));
  }
}

TEST_CASE("a runaway is slowed down where the process has a listening socket") {
  CHECK(actions("ticker_beside_listener") == "throttle ");
}
TEST_CASE("a runaway is slowed down where the process has another client") {
  CHECK(actions("ticker_beside_client") == "throttle ");
}
TEST_CASE("a runaway gets its SIGPIPE where other sockets serve nobody") {
  CHECK(actions("ticker_beside_idle_sockets") == "deliver ");
}
TEST_CASE("a runaway gets its SIGPIPE where the dead socket has another number, too") {
  CHECK(actions("ticker_with_duplicate") == "deliver ");
}

TEST_CASE("a runaway on a socket that is standard output and standard error gets its SIGPIPE") {
  CHECK(bare("ticker_of_two_streams").killed_by(SIGPIPE));
  CHECK(bare("ticker_of_two_streams", ignoring_sigpipe()).exited(0));
  CHECK(shimmed("ticker_of_two_streams", soon()).killed_by(SIGPIPE));
}

TEST_CASE("a child of fork is no runaway by what its parent has met") {
  CHECK(bare("forked_within_a_streak").killed_by(SIGPIPE));
  CHECK(bare("forked_within_a_streak", ignoring_sigpipe()).out == "alive\n");
  CHECK(shimmed("forked_within_a_streak", {"NOSIGPIPE_RUNAWAY_AFTER=4"}).out == "alive\n");
}

TEST_CASE("a runaway that gets its SIGPIPE is logged once") {
  Counter counter;
  const auto ending = run(counter.start("runaway_slow"), with_shim(soon({"NOSIGPIPE_LOG=stderr"})));
  CHECK(ending.killed_by(SIGPIPE));
  const auto lines = parsed(ending.err, "runaway");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["action"] == "deliver");
  CHECK(lines[0].number("epipes") == counter.value() + 1);
}

TEST_CASE("a runaway is brought down by name: deliver with other threads, throttle without") {
  int input[2];
  REQUIRE(pipe2(input, O_CLOEXEC) == 0);
  Start start = with_shim(soon({"NOSIGPIPE_RUNAWAY=deliver"}));
  start.in = input[0];
  Counter counter;
  CHECK(run(counter.start("runaway_thread"), start).killed_by(SIGPIPE));
  close(input[0]);
  close(input[1]);
  CHECK(actions("ticker", {"NOSIGPIPE_RUNAWAY=throttle"}) == "throttle ");
}
