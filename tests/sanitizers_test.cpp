// Programs that were compiled with a sanitizer: it has replaced some of libc's functions before the shim has.
#include "support/directory.h"
#include "support/expect.h"
#include "support/source_tree.h"
#include "support/tracer.h"

namespace {

// The victim, with this compiler's sanitizer.
class Sanitized {
 public:
  Sanitized(const std::string& compiler, const std::string& sanitizer, const Strings& options = {}) {
    output_of(joined({compiler, "-g", "-O1", "-pthread", "-fsanitize=" + sanitizer, "-o", program_,
                      source("tests/victims/sanitized.c")},
                     options));
  }

  Ending bare(const Strings& words = {}) const { return run(joined({program_}, words)); }
  Ending launched(const Strings& options = {}, const Strings& words = {}, const Start& start = {}) const {
    return run(joined(joined({built("nosigpipe")}, options), joined({program_}, words)), start);
  }
  const std::string& program() const { return program_; }

 private:
  Directory directory_;
  std::string program_ = directory_ / "sanitized";
};

void lives(const Sanitized& victim) {
  REQUIRE(victim.bare().killed_by(SIGPIPE));
  for (const std::string guard : {"auto", "mask", "catch"}) {
    const auto ending = victim.launched({"--guard=" + guard});
    INFO("guard=" << guard << ": " << ending.text() << "\n" << ending.err);
    CHECK(ending.exited(0));
    CHECK(ending.out == "alive\n");
    CHECK(ending.err.empty());
  }
}

// Events of three threads at once, each with its line of the log.
void is_quiet(const Sanitized& victim) {
  const Directory directory;
  const auto log = directory / "log";
  const auto ending = victim.launched({"--log=" + log, "--interval=0", "--stack=8"}, {"threads"});
  INFO(ending.text() << "\n" << ending.err);
  CHECK(ending.exited(0));
  CHECK(ending.out == "alive\n");
  CHECK(ending.err.empty());
  CHECK(!contents(log).empty());
}

}  // namespace

// LeakSanitizer, which is a part of AddressSanitizer, looks into threads by ptrace(2).
TRACING_TEST_CASE("gcc's AddressSanitizer") { lives(Sanitized("gcc", "address")); }
TEST_CASE("gcc's ThreadSanitizer") { lives(Sanitized("gcc", "thread")); }
TEST_CASE("gcc's UndefinedBehaviorSanitizer") { lives(Sanitized("gcc", "undefined")); }
TRACING_TEST_CASE("gcc's LeakSanitizer") { lives(Sanitized("gcc", "leak")); }
TRACING_TEST_CASE("clang's AddressSanitizer") { lives(Sanitized("clang", "address")); }
TEST_CASE("clang's ThreadSanitizer") { lives(Sanitized("clang", "thread")); }
TEST_CASE("clang's UndefinedBehaviorSanitizer") { lives(Sanitized("clang", "undefined")); }
TEST_CASE("clang's MemorySanitizer") { lives(Sanitized("clang", "memory")); }

TEST_CASE("gcc's ThreadSanitizer finds no race in the shim") { is_quiet(Sanitized("gcc", "thread")); }
TEST_CASE("clang's ThreadSanitizer finds no race in the shim") { is_quiet(Sanitized("clang", "thread")); }
TRACING_TEST_CASE("gcc's AddressSanitizer finds nothing in the shim") { is_quiet(Sanitized("gcc", "address")); }
TEST_CASE("clang's MemorySanitizer finds nothing in the shim") { is_quiet(Sanitized("clang", "memory")); }

TEST_CASE("the control: without the launcher gcc's AddressSanitizer refuses to start behind the shim") {
  const Sanitized victim("gcc", "address");
  const auto ending = run({victim.program()}, with_shim());
  CHECK(ending.exited(1));
  CHECK(ending.err.find("does not come first") != std::string::npos);
}

TEST_CASE("AddressSanitizer still finds a write beyond the end of its memory") {
  for (const std::string compiler : {"gcc", "clang"}) {
    const Sanitized victim(compiler, "address");
    INFO(compiler);
    CHECK(victim.bare({"overflow"}).err.find("heap-buffer-overflow") != std::string::npos);
    CHECK(victim.launched({}, {"overflow"}).err.find("heap-buffer-overflow") != std::string::npos);
  }
}

TRACING_TEST_CASE("a child with AddressSanitizer of a program without lives where the caller sees to it") {
  const Sanitized victim("gcc", "address");
  const Strings shell{"sh", "-c", victim.program() + "; exit $?"};
  REQUIRE(run(shell).exited(128 + SIGPIPE));
  Start start;
  start.env = {"ASAN_OPTIONS=verify_asan_link_order=0"};
  CHECK(run(joined({built("nosigpipe")}, shell), start).out == "alive\n");
}

TEST_CASE("the options that the caller has for AddressSanitizer count") {
  const Sanitized victim("gcc", "address");
  const auto with = [&](const std::string& options) {
    Start start;
    start.env = {"ASAN_OPTIONS=" + options};
    return victim.launched({}, {"overflow"}, start);
  };
  REQUIRE(with("exitcode=0").exited(0));
  CHECK(with("exitcode=77").exited(77));
  CHECK(with("verify_asan_link_order=1").err.find("does not come first") != std::string::npos);
}

TEST_CASE("a sanitizer that is preloaded already stays in front") {
  for (const std::string name : {"libasan.so.8", "libtsan.so.2", "libclang_rt.asan-x86_64.so"}) {
    const Directory directory;
    const auto library = directory / name;
    output_of({"gcc", "-shared", "-o", library, "-x", "c", "/dev/null"});
    Start start;
    start.env = {"LD_PRELOAD=" + library};
    const auto preloaded = run({built("nosigpipe"), "printenv", "LD_PRELOAD"}, start).out;
    CHECK(preloaded == library + ":" + built("libnosigpipe.so") + "\n");
  }
}

TEST_CASE("ThreadSanitizer replaces no function that the shim imports but dl_iterate_phdr") {
  auto library = output_of({"gcc", "-print-file-name=libtsan.so"});
  library.pop_back();
  const auto names = [](const std::string& which, const std::string& file) {
    auto lines = lines_of(output_of({"nm", "-D", which, "--format=posix", file}));
    for (auto& line : lines) line.resize(line.find_first_of("@ "));
    return lines;
  };
  const auto replaced = names("--defined-only", library);
  REQUIRE(std::count(replaced.begin(), replaced.end(), "memcpy") == 1);
  Strings common;
  for (const auto& name : names("--undefined-only", built("libnosigpipe.so")))
    if (std::count(replaced.begin(), replaced.end(), name) > 0) common.push_back(name);
  CHECK(common == Strings{"dl_iterate_phdr"});
}
