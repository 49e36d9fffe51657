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

Ending demo(const std::string& build) {
  Start start;
  start.env = {"BUILD=" + build, "DEMO_REQUESTS=1000"};
  return run({source("demo/demo.sh")}, start, std::chrono::seconds(250));
}

}  // namespace

TEST_CASE("a thread per connection survives with guard auto") { survives_with_guard("auto", threads()); }
TEST_CASE("a thread per connection survives with guard mask") { survives_with_guard("mask", threads()); }
TEST_CASE("a thread per connection survives with guard catch") { survives_with_guard("catch", threads()); }
TEST_CASE("event loops survive with guard auto") { survives_with_guard("auto", event_loops()); }
TEST_CASE("event loops survive with guard mask") { survives_with_guard("mask", event_loops()); }
TEST_CASE("event loops survive with guard catch") { survives_with_guard("catch", event_loops()); }

TEST_CASE("the demo is as it says") {
  const Ending ending = demo(built(""));
  INFO(ending.text() << "\n" << ending.out << ending.err);
  REQUIRE(ending.exited(0));
  REQUIRE(ending.out.find("killed by signal 13 (SIGPIPE)") != std::string::npos);
}

TEST_CASE("the demo fails where the server is not kept alive") {
  const Directory build;
  std::filesystem::create_directory_symlink(built("demo"), build / "demo");
  std::ofstream(build / "nosigpipe") << "#!/bin/sh\nshift 2\nexec \"$@\"\n";
  std::filesystem::permissions(build / "nosigpipe", std::filesystem::perms::all);
  const Ending ending = demo(build.path());
  INFO(ending.text() << "\n" << ending.out << ending.err);
  REQUIRE(ending.exited(1));
  REQUIRE(ending.err.find("clients are not content") != std::string::npos);
}
