// Beside other preloaded libraries, in either order: libraries that write early, in malloc, and shims of their own.

#include <filesystem>

#include "support/scene.h"

namespace {

Ending preloaded(const std::string& first, const std::string& second, const Strings& guard = {}) {
  Start start;
  start.env = guard;
  start.env.push_back("LD_PRELOAD=" + first + ":" + second);
  return bare("alive", start);
}

const std::string kAlive = "here: every verb said EPIPE\n";

// The neighbour alone does not help; with the shim, before it or behind it, the program lives.
void lives_beside(const std::string& neighbour) {
  Start alone;
  alone.env = {"LD_PRELOAD=" + neighbour};
  CHECK(bare("alive", alone).killed_by(SIGPIPE));
  for (const auto& guard : kGuards) {
    INFO(neighbour << " with " << words(guard));
    CHECK(preloaded(built("libnosigpipe.so"), neighbour, guard).out == kAlive);
    CHECK(preloaded(neighbour, built("libnosigpipe.so"), guard).out == kAlive);
  }
}

std::string library(const std::string& name) {
  const std::string path = "/usr/lib/x86_64-linux-gnu/" + name;
  REQUIRE(std::filesystem::exists(path));
  return path;
}

}  // namespace

TEST_CASE("a library whose constructor writes before ours has run lives") {
  Start alone;
  alone.env = {"LD_PRELOAD=" + built("tests/victims/libearly.so")};
  CHECK(bare("alive", alone).killed_by(SIGPIPE));
  for (const auto& guard : kGuards) {
    INFO(words(guard));
    const auto ending = preloaded(built("libnosigpipe.so"), built("tests/victims/libearly.so"), guard);
    CHECK(ending.err == "early: write 1, send 1, writev 1, again 1\n");
    CHECK(ending.out == kAlive);
  }
}

TEST_CASE("a library whose constructor sets a seccomp filter before ours has run finds nothing left to open") {
  const auto confined = built("tests/victims/libconfined.so");
  Start alone;
  alone.env = {"LD_PRELOAD=" + confined};
  CHECK(run({"true"}, alone).killed_by(SIGPIPE));
  for (const auto& guard : kGuards) {
    INFO(words(guard));
    Start both;
    both.env = joined(guard, {"LD_PRELOAD=" + built("libnosigpipe.so") + ":" + confined});
    const auto ending = run({"true"}, both);
    CHECK(ending.err == "confined: EPIPE\n");
    CHECK(ending.exited(0));
  }
}

TEST_CASE("a malloc library that writes at every allocation lives") {
  lives_beside(built("tests/victims/libmalloc_writes.so"));
}

TEST_CASE("beside libeatmydata") { lives_beside(library("libeatmydata.so")); }
TEST_CASE("beside proxychains4") { lives_beside(library("libproxychains.so.4")); }
TEST_CASE("beside torsocks") { lives_beside(library("torsocks/libtorsocks.so")); }
TEST_CASE("beside faketime") { lives_beside(library("faketime/libfaketime.so.1")); }
