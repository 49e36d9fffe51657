// The handler of static programs, which no library reaches: put in by the program itself, by the launcher at its start,
// and into one that runs.
#include <filesystem>

#include "support/expect.h"
#include "support/scene.h"
#include "support/source_tree.h"

namespace {

// A static program: the scenes, or small_victim, with what puts the handler in by itself.
struct Kind {
  std::string name;
  std::string flavour;
  Strings flags;
};

const std::vector<Kind> kKinds = {
    {"static", "", {"-static"}}, {"static-pie", "", {"-static-pie"}}, {"32-bit", "i386/", {"-m32", "-static"}}};

class StaticScenes {
 public:
  explicit StaticScenes(const Kind& kind) : kind_(kind) {
    const auto scenes = built(kind.flavour + "tests/victims/scenes/");
    Strings objects;
    for (const auto& entry : std::filesystem::directory_iterator(scenes))
      if (entry.path().extension() == ".o") objects.push_back(entry.path());
    output_of(joined({"gcc", "-O2", "-c", "-o", directory_ / "puts.o", source("tests/victims/puts_handler_in.c")},
                     kind.flags));
    output_of(joined(joined({"g++", "-pthread", "-o", file(), directory_ / "puts.o"}, kind.flags), objects));
  }

  std::string file() const { return directory_ / "scenes"; }
  std::string handler() const {
    return built("shim/attach/blob/" + std::string(kind_.flavour.empty() ? "x86_64" : "i386") + ".bin");
  }

  Ending bare(const std::string& scene, const Start& start = {}) const { return run({file(), scene}, start); }
  Ending armed(const std::string& scene, Start start = {}) const {
    start.env.push_back("HANDLER=" + handler());
    return run({file(), scene}, start);
  }

  void survives(const std::string& scene) const {
    INFO(kind_.name << " " << scene);
    CHECK(bare(scene).killed_by(SIGPIPE));
    const auto oracle = bare(scene, ignoring_sigpipe());
    REQUIRE(oracle.exited(0));
    const auto ending = armed(scene);
    INFO(ending.err);
    CHECK(ending.text() == oracle.text());
    CHECK(ending.out == oracle.out);
  }

  void still_dies(const std::string& scene) const {
    INFO(kind_.name << " " << scene);
    const auto oracle = bare(scene);
    CHECK(oracle.killed_by(SIGPIPE));
    const auto ending = armed(scene);
    CHECK(ending.text() == oracle.text());
    CHECK(ending.out == oracle.out);
  }

 private:
  Kind kind_;
  Directory directory_;
};

void all_survive(const Strings& scenes) {
  for (const auto& kind : kKinds) {
    const StaticScenes program(kind);
    for (const auto& scene : scenes) program.survives(scene);
  }
}

void all_still_die(const Strings& scenes) {
  for (const auto& kind : kKinds) {
    const StaticScenes program(kind);
    for (const auto& scene : scenes) program.still_dies(scene);
  }
}

}  // namespace

TEST_CASE("static: with the handler put in every verb on a dead socket says EPIPE and the program lives") {
  all_survive({"alive", "stdio_on_socket"});
}
TEST_CASE("static: threads, handlers and cancelled threads live") {
  all_survive({"threads", "from_handler", "cancelled_at_epipe_often"});
}
TEST_CASE("static: with the smallest stacks the handler holds") {
  all_survive({"small_stack", "small_alternate_stack"});
}
TEST_CASE("static: among signals with lower numbers the handler knows its own") {
  all_survive({"among_other_signals"});
}
TEST_CASE("static: what a child of fork or vfork writes is averted, too") {
  all_survive({"fork_child", "left_by_vfork_child_write"});
}
TEST_CASE("static: an fd that is replaced while threads write to it") {
  all_survive({"replaced_by_file_writev", "replaced_by_nothing_write"});
}
TEST_CASE("static: pipes and real signals still kill") {
  all_still_die({"pipe_still_kills", "pipe_stdio_still_kills", "pipe_splice_still_kills",
                 "splice_from_dead_socket_to_dead_pipe_still_kills", "pipe_syscall_still_kills", "raise_still_kills",
                 "kill_still_kills", "pthread_kill_still_kills", "raised_while_blocked", "killed_while_blocked",
                 "kill_meanwhile_default", "kill_meanwhile_default_splice"});
}
TEST_CASE("static: a pipe in disguise still kills") {
  all_still_die({"passed_socketpair_by_write", "passed_socketpair_by_send", "passed_socketpair_by_writev",
                 "passed_socketpair_by_dprintf"});
}
TEST_CASE("static: after a short count what kills still kills") {
  all_still_die({"short_sendfile_then_kill", "short_splice_then_pipe", "short_sendmmsg_then_raise"});
}

TEST_CASE("static: the first process of a PID namespace lives with its pipes, as bare") {
  const StaticScenes program(kKinds[0]);
  const Strings unshare{"unshare", "--user", "--map-root-user", "--fork", "--pid", "--kill-child", program.file()};
  Start start;
  start.env = {"HANDLER=" + program.handler()};
  for (const auto* scene : {"pipe_still_kills", "raise_still_kills", "alive"}) {
    INFO(scene);
    const auto bare = run(joined(unshare, {scene}));
    REQUIRE(bare.exited(0));
    const auto armed = run(joined(unshare, {scene}), start);
    CHECK(armed.exited(0));
    CHECK(armed.out == bare.out);
  }
}

TEST_CASE("static: a program of musl lives with the handler put in") {
  const Directory directory;
  const auto victim = directory / "victim";
  output_of({"musl-gcc", "-O2", "-static", "-pthread", "-o", victim, source("tests/victims/small_victim.c"),
             source("tests/victims/puts_handler_in.c")});
  Start start;
  start.env = {"HANDLER=" + built("shim/attach/blob/x86_64.bin")};
  for (const auto* how : {"write", "writev", "stdio"}) {
    INFO(how);
    lives({victim, how}, start);
  }
}

TEST_CASE("static: what is averted is counted for each call") {
  for (const auto& kind : kKinds) {
    INFO(kind.name);
    const StaticScenes program(kind);
    Start start;
    start.env = {"COUNTS=1"};
    const auto said = program.armed("alive", start).err;
    INFO(said);
    for (const auto* count : {"write 1\n", "writev 1\n", "sendto 2\n", "sendmsg ", "splice 1\n"})
      CHECK(has(said, count));
    // In glibc 2.41 the number stands farther in front of i386's call than anybody may look.
    CHECK((has(said, "sendfile 1\n") || (kind.name == "32-bit" && has(said, "syscall 1\n"))));
    CHECK(!has(program.armed("pipe_still_kills", start).err, "write"));
  }
}

// A page of code and a page of data are all that it costs; in 32-bit programs two of code.
TEST_CASE("static: the handler fits on a page, in 32-bit programs on two") {
  for (const auto* machine : {"x86_64", "i386"}) {
    const auto image = contents(built("shim/attach/blob/" + std::string(machine) + ".bin"));
    INFO(machine << ": " << image.size());
    REQUIRE(image.starts_with("nosigpipe-h"));
    CHECK(image.size() > 1000);
    CHECK(image.size() <= (machine == std::string("i386") ? 8192u : 4096u));
  }
}
