// ident2 never looks at what write returns: SIGPIPE is what ends its children. What survives must not run away.
#include <unistd.h>

#include "foreign/server.h"

namespace {

// -d: a daemon; -s: as the user it is started by.
Strings ident2(int port) { return {"ident2", "-d", "-s", "-p", std::to_string(port)}; }

bool answers_right(int port) {
  const Client client(port);
  client.send("22, 33\r\n");
  return client.read_until("\r\n") == "22 , 33 : ERROR : NO-USER\r\n";
}

// Reads the end of its input as one more question, and answers, and reads it again.
void ask_and_leave(int port) { abandon(Client(port), "22, 33\r\n", Departure::unread); }

// Seconds of processor time that a process, or its children that have ended, have used. The fields of proc_pid_stat(5):
// 14 and 15 for itself, 16 and 17 for its children.
double cpu_time(pid_t pid, int first_field) {
  std::istringstream stat(contents("/proc/" + std::to_string(pid) + "/stat"));
  std::string skipped;
  for (int field = 1; field < first_field; ++field) stat >> skipped;
  double user = 0;
  double system = 0;
  stat >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

TEST_CASE("ident2 leaves no child spinning when its client has gone") {
  constexpr int clients = 10;
  {
    const Endings endings;
    const int port = free_port();
    const Daemon bare(ident2(port), endings.seen({}));
    REQUIRE(eventually([&] { return listening(port); }));
    for (int i = 0; i < clients; ++i) ask_and_leave(port);
    REQUIRE(eventually([&] { return endings.killed_by(SIGPIPE) == clients; }));
  }
  for (const Start& start : {ignoring_sigpipe(), with_shim({"NOSIGPIPE_RUNAWAY=off"})}) {
    const int port = free_port();
    const Daemon server(ident2(port), start);
    REQUIRE(eventually([&] { return listening(port); }));
    ask_and_leave(port);
    REQUIRE(eventually([&] { return children(server.pid()).size() == 1; }));
    const pid_t spinning = children(server.pid()).front();
    REQUIRE(eventually([&] { return cpu_time(spinning, 14) > 1; }));
    kill(spinning, SIGKILL);
  }
  const Endings endings;
  const int port = free_port();
  const Daemon server(ident2(port),
                      with_shim({"NOSIGPIPE_RUNAWAY=deliver", "NOSIGPIPE_RUNAWAY_AFTER=1"}, endings.seen({})));
  REQUIRE(eventually([&] { return listening(port) && answers_right(port); }));
  for (int i = 0; i < clients; ++i) ask_and_leave(port);
  REQUIRE(answers_right(port));
  REQUIRE(eventually([&] { return endings.statuses().size() == clients + 2 && children(server.pid()).empty(); }));
  // Each has had the SIGPIPE it would have had, not the SIGALRM with which ident2 gives up on a client.
  REQUIRE(endings.killed_by(SIGPIPE) == clients + 2);
  // Before its SIGPIPE is delivered each has a second of the clock, all of them at once.
  REQUIRE(cpu_time(server.pid(), 16) < 2 * (clients + 2));
}

// Each child has the listening socket, too, so by itself the shim does not end it.
TEST_CASE("a child of ident2 that spins is slowed down where it holds a socket that listens") {
  const Directory directory;
  const auto log = write_file(directory / "log", "", 0666);
  const int port = free_port();
  const Daemon server(ident2(port), with_shim({"NOSIGPIPE_RUNAWAY_AFTER=1", "NOSIGPIPE_LOG=" + log}));
  REQUIRE(eventually([&] { return listening(port) && answers_right(port); }));
  ask_and_leave(port);
  REQUIRE(eventually([&] { return contents(log).find(" action=throttle") != std::string::npos; }));
}
