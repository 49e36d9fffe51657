#include "soak/plans.h"

#include "foreign/attack.h"
#include "soak/rounds.h"

namespace {

const char* const kUrls[] = {"/write/file",   "/writev/file",   "/send/file",
                             "/sendmsg/file", "/sendfile/file", "/splice/file"};
const Strings kDemoUrls(std::begin(kUrls), std::end(kUrls));

// Numbers of seven bytes a line: what is lost, doubled or swapped shows.
std::string numbers(const std::string& file, int lines) {
  std::ofstream out(file);
  for (int number = 100000; number < 100000 + lines; ++number) out << number << '\n';
  return file;
}

void quit(Server& server) { Client(server.port()).send("GET /quit HTTP/1.1\r\n\r\n"); }

Plan demo_server(const std::string& directory) {
  const auto file = directory + "/file";
  return {
      .name = "server",
      .command =
          [=](int port) {
            return Strings{built("demo/server"), std::to_string(port), directory};
          },
      .round = [=](Server& server, long round) { return clients(server, round, most_leave(file, kDemoUrls, 2000)); },
      .end = [](Server& server) { stop(server, SIGTERM); },
      .variables = {"NOSIGPIPE_INTERVAL=0"},  // it is killed, and could not log what it has held back
      .rotation = Rotation::by_rename};
}

Plan eventloop(const std::string& directory) {
  const auto file = directory + "/file";
  return {.name = "eventloop",
          .command =
              [=](int port) {
                return Strings{built("demo/eventloop"), std::to_string(port), directory};
              },
          .round = [=](Server& server, long round) { return clients(server, round, most_leave(file)); },
          .end = quit,
          .rotation = Rotation::by_copy,
          .exact = Exact::by_totals};
}

// Every other round so many come at once that it has no descriptor for them, nor for its log.
Plan short_of_fds(const std::string& directory) {
  auto plan = eventloop(directory);
  const auto file = directory + "/file";
  plan.name = "few-fds";
  plan.rotation = Rotation::none;
  plan.exact = Exact::by_count;
  plan.most_fds = 32;
  plan.command = [=](int port) {
    return Strings{"prlimit", "--nofile=32", "--", built("demo/eventloop"), std::to_string(port), directory};
  };
  plan.round = [=](Server& server, long round) {
    const Strings crowd{"--abort", "100", "--requests", "500", "--at-once", "100", "/file"};
    const auto few = joined({"--at-once", "3"}, most_leave(file, {"/file"}, 500));
    return clients(server, round, round % 2 == 0 ? crowd : few);
  };
  return plan;
}

// Bare at its start, armed and disarmed in turns; while it is bare all clients stay.
Plan attached(const std::string& directory) {
  const auto file = directory + "/file";
  auto plan = demo_server(directory);
  const auto is_armed = std::make_shared<bool>(false);
  const auto attach = [=](Server& server, bool arms) {
    if (*is_armed == arms) return;
    const auto word = arms ? "--log=" + server.directory() + "/log" : "--detach";
    const auto ending = run({built("nosigpipe-attach"), word, std::to_string(server.pid())});
    if (ending.exited(0)) *is_armed = arms;
    if (!ending.exited(0) && !ending.exited(125))  // refused: on a busy machine it is to be tried again later
      server.fault("nosigpipe-attach: " + ending.text() + " " + ending.out + ending.err);
  };
  const auto staying = joined({"--abort", "0", "--requests", "50", "--expect", file}, kDemoUrls);
  plan.name = "attached";
  plan.is_bare = true;
  plan.variables = {};
  plan.rotation = Rotation::none;
  plan.round = [=](Server& server, long round) {
    attach(server, round % 2 == 0);
    return clients(server, round, *is_armed ? most_leave(file, kDemoUrls) : staying);
  };
  plan.rest = [=](Server& server) {
    eventually([&] {
      attach(server, false);
      return !*is_armed;
    });
  };
  return plan;
}

}  // namespace

std::vector<Plan> plans(const Place& place) {
  const auto& directory = place.directory;
  numbers(directory + "/file", 42857);
  numbers(directory + "/big", 214285);
  return {demo_server(directory),
          eventloop(directory),
          short_of_fds(directory),
          nginx(directory),
          lighttpd(place),
          attached(directory),
          churn(directory, "stdio", Exact::by_count),
          churn(directory, "ignore", Exact::but_for_changes),
          yubiserver(directory)};  // the last, since a Daemon takes what is left of others for its own
}
