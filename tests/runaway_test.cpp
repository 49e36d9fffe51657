// A thread that never looks at what write returns, on a socket whose peer has gone.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

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

}  // namespace

TEST_CASE("the control: with SIGPIPE ignored a runaway does not stop") {
  Counter counter;
  CHECK(run(counter.start("runaway"), ignoring_sigpipe()).exited(0));
  CHECK(counter.value() == 2'000'000);
}

TEST_CASE("a runaway that is the whole process gets its SIGPIPE after 100000 EPIPEs") {
  for (const auto* scene : {"runaway", "runaway_guarded", "runaway_unseen"}) {
    INFO(scene);
    Counter counter;
    CHECK(run(counter.start(scene)).killed_by(SIGPIPE));
    CHECK(counter.value() == 0);
    CHECK(run(counter.start(scene), with_shim()).killed_by(SIGPIPE));
    CHECK(counter.value() == 99'999);
  }
}

TEST_CASE("NOSIGPIPE_RUNAWAY_AFTER says how many EPIPEs make a runaway") {
  for (const long limit : {1L, 2L, 3L, 1000L}) {
    Counter counter;
    const auto ending = run(counter.start("runaway"), with_shim({"NOSIGPIPE_RUNAWAY_AFTER=" + std::to_string(limit)}));
    CHECK(ending.killed_by(SIGPIPE));
    CHECK(counter.value() == limit - 1);
  }
}

TEST_CASE("a runaway with a handler of its own has it called") {
  Counter counter;
  CHECK(run(counter.start("runaway_handled"), with_shim()).exited(9));
  CHECK(counter.value() == 99'999);
}

TEST_CASE("a runaway's handler does not change errno") {
  CHECK(bare("handler_with_errno").out == "not EPIPE: 0\n");
  same_as_bare("handler_with_errno", {{"NOSIGPIPE_RUNAWAY_AFTER=10"}});
}

TEST_CASE("a program that ignores SIGPIPE itself runs away as ever") {
  for (const auto* scene : {"runaway_ignored", "runaway_ignored_thread"}) {
    Counter counter;
    CHECK(run(counter.start(scene), with_shim()).exited(0));
    CHECK(counter.value() == 2'000'000);
  }
}

TEST_CASE("EPIPE without a signal, as AF_UNIX packets give it, is no runaway") {
  CHECK(bare("many_silent_epipes").exited(0));
  for (auto guard : kGuards) {
    guard.push_back("NOSIGPIPE_RUNAWAY_AFTER=100");
    CHECK(shimmed("many_silent_epipes", guard).out == "alive\n");
  }
}

TEST_CASE("a program with a handler that does nothing is not slowed down") {
  CHECK(bare("runaway_idle_handler").exited(0));
  for (auto guard : kGuards) {
    guard.insert(guard.end(), {"NOSIGPIPE_RUNAWAY_AFTER=100", "NOSIGPIPE_LOG=stderr"});
    const auto ending = shimmed("runaway_idle_handler", guard);
    CHECK(ending.out == "alive\n");
    CHECK(ending.err.find("throttle") == std::string::npos);
  }
}

TEST_CASE("NOSIGPIPE_RUNAWAY=off does nothing") {
  Counter counter;
  CHECK(run(counter.start("runaway"), with_shim({"NOSIGPIPE_RUNAWAY=off"})).exited(0));
  CHECK(counter.value() == 2'000'000);
}

TEST_CASE("a new client on the same fd is no runaway") {
  survives("many_clients");
  for (const auto& guard : kGuards) {
    auto env = guard;
    env.push_back("NOSIGPIPE_RUNAWAY_AFTER=100");
    CHECK(shimmed("many_clients", env).out == "alive\n");
  }
}

TEST_CASE("two dead sockets in turns are no runaway") {
  CHECK(bare("two_in_turns").killed_by(SIGPIPE));
  for (auto guard : kGuards) {
    guard.push_back("NOSIGPIPE_RUNAWAY_AFTER=4");
    CHECK(shimmed("two_in_turns", guard).out == "alive\n");
  }
}

TEST_CASE("a second runaway of a thread is logged, too") {
  CHECK(bare("two_runaways").killed_by(SIGPIPE));
  const auto ending =
      shimmed("two_runaways", {"NOSIGPIPE_RUNAWAY=throttle", "NOSIGPIPE_RUNAWAY_AFTER=20", "NOSIGPIPE_LOG=stderr"});
  CHECK(ending.exited(0));
  const auto first = ending.err.find("action=throttle");
  CHECK(first != std::string::npos);
  CHECK(ending.err.find("action=throttle", first + 1) != std::string::npos);
}

TEST_CASE("a runaway beside other threads is slowed down, is logged once, and the others are served") {
  for (const auto& guard : kGuards) {
    INFO(words(guard));
    Counter counter;
    int input[2], log[2];
    REQUIRE(pipe2(input, O_CLOEXEC) == 0);
    REQUIRE(pipe2(log, O_CLOEXEC) == 0);
    Start start = with_shim(guard);
    start.env.insert(start.env.end(), {"NOSIGPIPE_LOG=stderr", "NOSIGPIPE_INTERVAL=0", "NOSIGPIPE_RUNAWAY_AFTER=20"});
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
      return lines.find("epipes=20 action=throttle") != std::string::npos && counter.value() > 25;
    };
    CHECK(eventually(slept));
    CHECK(process.running());
    REQUIRE(write(input[1], "x", 1) == 1);
    close(input[1]);
    const auto ending = process.wait();
    CHECK(ending.exited(0));
    CHECK(ending.out == "served\n");
    CHECK(counter.value() < 2'000'000);
    for (ssize_t length; (length = read(log[0], buffer, sizeof buffer)) > 0;)
      lines.append(buffer, static_cast<size_t>(length));
    close(log[0]);
    CHECK(lines.find("action=throttle") == lines.rfind("action=throttle"));
  }
}

TEST_CASE("a runaway that gets its SIGPIPE is logged once") {
  Counter counter;
  const auto ending = run(counter.start("runaway"), with_shim({"NOSIGPIPE_LOG=stderr", "NOSIGPIPE_RUNAWAY_AFTER=10"}));
  CHECK(ending.killed_by(SIGPIPE));
  CHECK(ending.err.find("epipes=10 action=deliver") != std::string::npos);
  CHECK(ending.err.find("action=") == ending.err.rfind("action="));
}

TEST_CASE("a runaway is brought down by name: deliver with other threads, throttle without") {
  Counter counter;
  const auto ended = run(counter.start("runaway_thread"), with_shim({"NOSIGPIPE_RUNAWAY=deliver"}));
  CHECK((ended.killed_by(SIGPIPE) || ended.exited(0)));  // its input may end first
  Counter slow;
  Process process(slow.start("runaway"), with_shim({"NOSIGPIPE_RUNAWAY=throttle", "NOSIGPIPE_RUNAWAY_AFTER=10"}));
  CHECK(eventually([&] { return slow.value() > 12; }));
  CHECK(process.running());
}
