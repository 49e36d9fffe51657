// The demo in short: its servers are killed by clients that leave, and live under the shim.
#include "support/demo_server.h"
#include "support/source_tree.h"

namespace {

const Strings calls{"write", "writev", "sendto", "sendmsg", "sendfile", "splice"};

Strings url_of_each_call() {
  Strings urls;
  for (const std::string function : {"write", "writev", "send", "sendmsg", "sendfile", "splice"})
    urls.push_back("/" + function + "/file");
  return urls;
}

struct Subject {
  Strings command;
  Strings urls;
  Strings averting;  // calls that must have
};

Subject threads() { return {{built("demo/server")}, url_of_each_call(), calls}; }
Subject event_loops() { return {{built("demo/eventloop")}, {"/file"}, {"sendfile"}}; }

void is_killed_bare(const Subject& subject) {
  DemoServer bare(subject.command);
  REQUIRE(bare.attack(100, 0, subject.urls).well_answered());
  REQUIRE(bare.attack(50'000, 60, subject.urls).server_gone());
  REQUIRE(bare.process().wait().killed_by(SIGPIPE));
}

void survives_with_guard(const std::string& guard, const Subject& subject) {
  is_killed_bare(subject);
  DemoServer server(subject.command, with_shim({"NOSIGPIPE_GUARD=" + guard}));
  const Attack attack = server.attack(4000, 60, subject.urls);
  INFO(attack.ending.out << attack.ending.err);
  REQUIRE(attack.well_answered());
  REQUIRE(attack.requests == 4000);
  REQUIRE(2 * attack.aborted >= attack.requests);
  REQUIRE(server.process().running());
  for (const auto& call : subject.averting) {
    INFO(call);
    REQUIRE(server.averted(call) > 0);
  }
  REQUIRE(server.attack(100, 0, subject.urls).well_answered());
}

Ending demo(const std::string& path = "", const std::string& build = built("")) {
  Start start;
  start.env = {"BUILD=" + build, "DEMO_REQUESTS=1000"};
  if (!path.empty()) start.env.push_back("PATH=" + path);
  return run({source("demo/demo.sh")}, start, std::chrono::seconds(250));
}

std::string verdict(const Ending& demo) { return demo.out.empty() ? "" : lines_of(demo.out).back(); }

// What make demo builds, and not nosigpipe-attach, which reaches static programs, too.
std::string copy_of_build(const Directory& directory) {
  for (const std::string part : {"nosigpipe", "nosigpipe-doctor", "libnosigpipe.so"})
    std::filesystem::copy_file(built(part), directory / part);
  std::filesystem::create_symlink(built("demo"), directory / "demo");
  return directory.path();
}

// All that the demo's own servers need, and none of the programs of its other scenes.
void link_own_tools(const Directory& directory) {
  for (const std::string tool :
       {"sh", "env", "dirname", "mktemp", "seq", "sed", "awk", "sort", "tail", "cat", "grep", "expr", "rm", "sleep"}) {
    auto path = output_of({"sh", "-c", "command -v " + tool});
    path.pop_back();
    std::filesystem::create_symlink(path, directory / tool);
  }
}

}  // namespace

TEST_CASE("a thread per connection survives with guard auto") { survives_with_guard("auto", threads()); }
TEST_CASE("a thread per connection survives with guard mask") { survives_with_guard("mask", threads()); }
TEST_CASE("a thread per connection survives with guard catch") { survives_with_guard("catch", threads()); }
TEST_CASE("event loops survive with guard auto") { survives_with_guard("auto", event_loops()); }
TEST_CASE("event loops survive with guard mask") { survives_with_guard("mask", event_loops()); }
TEST_CASE("event loops survive with guard catch") { survives_with_guard("catch", event_loops()); }

TEST_CASE("the demo ends with its verdict, and leaves nothing out without saying how to have it") {
  const Ending ending = demo();
  INFO(ending.text() << "\n" << ending.out << ending.err);
  REQUIRE(ending.exited(0));
  CHECK(has(ending.out, "killed by signal 13 (SIGPIPE)"));
  const auto left_out = matches(ending.out, "\n  left out: (.*); to have it: apt-get install [a-z]").size();
  const auto played = std::to_string(5 - left_out);
  CHECK(verdict(ending) == "killed " + played + " of " + played + " bare, alive " + played + " of " + played);
}

TEST_CASE("without the servers of others the demo plays its own") {
  const Directory tools;
  link_own_tools(tools);
  const Ending ending = demo(tools.path());
  INFO(ending.text() << "\n" << ending.out << ending.err);
  REQUIRE(ending.exited(0));
  CHECK(has(ending.out, "\n  left out: tcpserver is not installed; to have it: apt-get install ucspi-tcp\n"));
  CHECK(verdict(ending) == "killed 2 of 2 bare, alive 2 of 2");
}

TEST_CASE("a program that the demo cannot reach is said and left out") {
  const Directory tools;
  const Directory build;
  link_own_tools(tools);
  for (const std::string tool : {"tcpserver", "busybox"})
    output_of({"sh", "-c", "echo 'int main(void) {}' | gcc -static -x c -o \"$0\" -", tools / tool});
  const Ending ending = demo(tools.path(), copy_of_build(build));
  INFO(ending.text() << "\n" << ending.out << ending.err);
  REQUIRE(ending.exited(0));
  CHECK(has(ending.out, "\n  left out: tcpserver cannot be reached: it is linked statically"));
  CHECK(verdict(ending) == "killed 2 of 2 bare, alive 2 of 2");
}

TEST_CASE("with Debian's static busybox the demo ends well") {
  if (run({"tcpserver"}).exited(127)) SKIP_TEST("no tcpserver, which would start it");
  const Directory directory;
  const Directory build;
  Start there;
  there.directory = directory.path();
  if (!run({"sh", "-c", "apt-get download busybox-static && dpkg-deb -x busybox-static_*.deb ."}, there).exited(0))
    SKIP_TEST("apt-get cannot download busybox-static here");
  const Ending ending = demo((directory / "bin") + ":" + std::getenv("PATH"), copy_of_build(build));
  INFO(ending.text() << "\n" << ending.out << ending.err);
  REQUIRE(ending.exited(0));
  CHECK(
      has(ending.out, "\n  left out: busybox cannot be reached: it is linked statically: no loader reads LD_PRELOAD"));
  CHECK(has(ending.out, "; to have it: apt-get install busybox\n"));
}

TEST_CASE("the demo fails where the server is not kept alive") {
  const Directory build;
  for (const std::string part : {"demo", "nosigpipe-doctor", "libnosigpipe.so"})
    std::filesystem::create_symlink(built(part), build / part);
  std::ofstream(build / "nosigpipe") << "#!/bin/sh\nwhile [ \"${1#--}\" != \"$1\" ]; do shift; done\nexec \"$@\"\n";
  std::filesystem::permissions(build / "nosigpipe", std::filesystem::perms::all);
  const Directory tools;
  link_own_tools(tools);
  const Ending ending = demo(tools.path(), build.path());
  INFO(ending.text() << "\n" << ending.out << ending.err);
  REQUIRE(ending.exited(1));
  CHECK(has(ending.err, "clients are not content"));
  CHECK(verdict(ending) == "killed 2 of 2 bare, alive 0 of 2");
}

TEST_CASE("the demo fails where the bare server is not killed") {
  const Directory build;
  std::filesystem::create_directory(build / "demo");
  for (const std::string part : {"demo/clients", "nosigpipe", "nosigpipe-doctor", "libnosigpipe.so"})
    std::filesystem::create_symlink(built(part), build / part);
  for (const std::string part : {"demo/server", "demo/eventloop"}) {
    std::ofstream(build / part) << "#!/bin/sh\nexec env --ignore-signal=PIPE " << built(part) << " \"$@\"\n";
    std::filesystem::permissions(build / part, std::filesystem::perms::all);
  }
  const Directory tools;
  link_own_tools(tools);
  const Ending ending = demo(tools.path(), build.path());
  INFO(ending.text() << "\n" << ending.out << ending.err);
  REQUIRE(ending.exited(1));
  CHECK(verdict(ending).starts_with("killed 0 of 2 bare"));
}
