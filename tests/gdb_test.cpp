// A debugger sees ignored signals too. gdb, as it comes, stops at the first SIGPIPE of an event-loop server, whether or
// not the program ignores it; under the shim there is none to see.
#include "support/demo_server.h"

namespace {

Strings in_gdb(const Strings& settings, const Strings& program) {
  Strings argv{"gdb", "-q", "-batch", "-nx"};
  for (const auto& setting : settings) argv.insert(argv.end(), {"-ex", setting});
  argv.insert(argv.end(), {"-ex", "run", "--args"});
  argv.insert(argv.end(), program.begin(), program.end());
  return argv;
}

Start offline() {
  Start start;
  start.env = {"DEBUGINFOD_URLS"};
  return start;
}

bool gdb_works() { return run(in_gdb({}, {"true"}), offline()).out.find("exited normally") != std::string::npos; }

bool stopped(const std::string& gdb) { return gdb.find("received signal") != std::string::npos; }
bool stopped_at_sigpipe(const std::string& gdb) {
  return gdb.find("\"DrogonIoLoop\" received signal SIGPIPE") != std::string::npos;
}

void gdb_stops_bare_and_not_under_the_shim(const Strings& program, const std::string& would_kill) {
  {
    DemoServer bare(in_gdb({}, program), offline());
    bare.attack(50'000, 60, {"/file"});
    bare.process().wait();
    INFO(bare.output());
    REQUIRE(stopped_at_sigpipe(bare.output()));
  }
  DemoServer server(in_gdb({"set exec-wrapper " + built("nosigpipe")}, program), offline());
  const Attack attack = server.attack(3000, 60, {"/file"});
  server.ask("/quit");
  server.process().wait();
  INFO(attack.ending.out << attack.ending.err << server.output());
  REQUIRE(attack.well_answered());
  REQUIRE(server.averted("sendfile", would_kill) > 0);
  REQUIRE_FALSE(stopped(server.output()));
  REQUIRE(server.output().find("exited normally") != std::string::npos);
}

}  // namespace

TEST_CASE("gdb does not stop at a server that leaves SIGPIPE alone") {
  if (!gdb_works()) SKIP_TEST("gdb cannot run a program here");
  gdb_stops_bare_and_not_under_the_shim({built("demo/eventloop")}, "yes");
}

TEST_CASE("gdb does not stop at a server that ignores SIGPIPE") {
  if (!gdb_works()) SKIP_TEST("gdb cannot run a program here");
  gdb_stops_bare_and_not_under_the_shim({built("demo/eventloop"), "--ignore-sigpipe"}, "no");
}
