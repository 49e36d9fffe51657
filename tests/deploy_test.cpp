// Each deployment of demo/deploy, tried on a machine of its own: killed with nosigpipe taken out of its files, alive
// with it in. And that the README says of each how it was tried.
#include <set>

#include "support/source_tree.h"

namespace {

void is(const std::string& name, int status, const std::string& line, const std::string& build = built("")) {
  Start start;
  start.env = {"BUILD=" + build};
  const Ending ending = run({source("demo/deploy/try"), name}, start, std::chrono::seconds(280));
  if (ending.exited(2)) SKIP_TEST(ending.out.c_str());
  INFO(ending.text() << "\n" << ending.out << ending.err);
  CHECK(ending.exited(status));
  CHECK((status == 0 ? ending.out : ending.err).starts_with(name + ": " + line));
}

void runs(const std::string& name) { is(name, 0, "ran: killed bare, alive with nosigpipe"); }

Strings names() { return lines_of(contents(source("demo/deploy/names"))); }

}  // namespace

TEST_CASE("a drop-in for systemd keeps its service alive") { runs("systemd"); }
TEST_CASE("a drop-in for systemd keeps a service with User= alive") { runs("systemd/user"); }
TEST_CASE("a drop-in for systemd keeps a service with DynamicUser= alive") { runs("systemd/dynamic-user"); }
TEST_CASE("a drop-in for systemd keeps a service with ProtectSystem=strict alive") { runs("systemd/strict"); }
TEST_CASE("the launcher in a script of /etc/init.d keeps its server alive") { runs("init.d"); }
TEST_CASE("the launcher in a run script of runit keeps its server alive") { runs("runit"); }
TEST_CASE("the launcher behind tini keeps its server alive") { runs("tini"); }
TEST_CASE("the launcher behind tcpserver keeps what it starts alive") { runs("tcpserver"); }
TEST_CASE("the launcher in inetd.conf keeps what it starts alive") { runs("inetd"); }
TEST_CASE("the environment of a program of supervisord keeps it alive") { runs("supervisord"); }
TEST_CASE("variables in a crontab keep its job alive") { runs("cron"); }
TEST_CASE("the launcher behind sudo keeps its server alive, and env_keep does not carry LD_PRELOAD") { runs("sudo"); }
TEST_CASE("LD_PRELOAD in a Dockerfile keeps its server alive") { runs("docker"); }
TEST_CASE("LD_PRELOAD in an image without a shell keeps its server alive") { runs("docker/distroless"); }

TEST_CASE("a server that is the first process is not killed bare either, which under tini it is") {
  is("tini/pid-1", 0, "ran: alive bare, alive with nosigpipe");
}

TEST_CASE("kubectl knows each field of the pod") { is("kubernetes", 0, "checked, not run: there is no cluster"); }

TEST_CASE("the control: without a shim in the library a deployment is said to have failed") {
  const Directory build;
  for (const std::string part : {"nosigpipe", "nosigpipe-doctor", "demo"})
    std::filesystem::create_symlink(built(part), build / part);
  output_of({"sh", "-c", "gcc -shared -x c -o \"$0\" /dev/null", build / "libnosigpipe.so"});
  for (const std::string name : {"cron", "systemd"}) is(name, 1, "killed bare, killed with nosigpipe", build.path());
}

TEST_CASE("the control: where the bare server is not killed a deployment is said to have failed") {
  const Directory build;
  for (const std::string part : {"nosigpipe", "nosigpipe-doctor", "libnosigpipe.so"})
    std::filesystem::create_symlink(built(part), build / part);
  std::filesystem::create_directory(build / "demo");
  std::filesystem::create_symlink(built("demo/clients"), build / "demo/clients");
  std::ofstream(build / "demo/server") << "#!/bin/sh\nexec env --ignore-signal=PIPE " << built("demo/server")
                                       << " \"$@\"\n";
  std::filesystem::permissions(build / "demo/server", std::filesystem::perms(0755));
  is("runit", 1, "alive bare, alive with nosigpipe", build.path());
}

TEST_CASE("the README says of each deployment how it was tried") {
  const auto page = contents(source("README.md"));
  std::set<std::string> folders;
  for (const auto& name : names()) {
    INFO(name);
    const auto row = matches(page, "\n(\\| \\[[^\n]*`" + name + "`[^\n]*)");
    REQUIRE(row.size() == 1);
    CHECK(has(row[0], name == "kubernetes" ? "| checked, not run: " : "| ran"));
    folders.insert(name.substr(0, name.find('/')));
  }
  size_t there = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source("demo/deploy"))) there += entry.is_directory();
  CHECK(there == folders.size());
}
