// The servers of the distribution.
#include <fcntl.h>
#include <unistd.h>

#include <regex>

#include "foreign/attack.h"
#include "soak/plans.h"
#include "soak/rounds.h"

Plan nginx(const std::string& directory) {
  const auto file = directory + "/file";
  std::string temporary;
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    temporary += std::string(kind) + "_temp_path " + directory + "/temporary; ";
  return {
      .name = "nginx",
      .command =
          [=](int port) {
            const auto configuration = put(
                directory + "/nginx.conf",
                "daemon off; worker_processes 1; pid nginx.pid; error_log stderr;\nevents { }\nhttp { access_log off; "
                "sendfile on; " +
                    temporary + "\n  server { listen 127.0.0.1:" + std::to_string(port) + " sndbuf=64k; root " +
                    directory + "; }\n}\n");
            return Strings{"nginx", "-p", directory, "-c", configuration};
          },
      .round = [=](Server& server, long round) { return clients(server, round, most_leave(file)); },
      .end = [](Server& server) { stop(server, SIGQUIT); },
      .has_log_each = true,
      .has_worker = true,
      .ignores = true};
}

namespace {

void write_until_full(const std::string& file) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const std::string block(1 << 16, 'x');
  while (write(fd, block.data(), block.size()) > 0) continue;
  for (const char byte = 'x'; write(fd, &byte, 1) == 1;) continue;
  close(fd);
}

}  // namespace

// Its disk is full in every other round. What a full disk cuts short only JSON tells from what is whole.
Plan lighttpd(const Place& place) {
  const auto big = place.directory + "/big";
  Plan plan{.name = "lighttpd",
            .command =
                [=](int port) {
                  const auto configuration =
                      put(place.directory + "/lighttpd.conf",
                          "server.stat-cache-engine = \"disable\"\n"  // it holds a file open for a second
                          "server.document-root = \"" +
                              place.directory +
                              "\"\nserver.bind = \"127.0.0.1\"\nserver.port = " + std::to_string(port) + "\n");
                  return Strings{"lighttpd", "-D", "-f", configuration};
                },
            .round = [=](Server& server, long round) { return clients(server, round, most_leave(big, {"/big"}, 200)); },
            .end = [](Server& server) { stop(server, SIGINT); },
            .variables = {"NOSIGPIPE_FORMAT=json"},
            .ignores = true};
  if (place.small_disk.empty()) return plan;
  const auto filler = place.small_disk + "/filler";
  plan.directory = place.small_disk;
  plan.rest = [=](Server&) { std::filesystem::remove(filler); };
  plan.round = [=](Server& server, long round) {
    round % 2 == 0 ? write_until_full(filler) : plan.rest(server);
    return clients(server, round, most_leave(big, {"/big"}, 200));
  };
  plan.end = [=](Server& server) {
    plan.rest(server);
    stop(server, SIGINT);
  };
  return plan;
}

// It answers with the time, which is left out of the comparison; what demo/clients compares is the status alone.
Plan yubiserver(const std::string& directory) {
  const std::string path =
      "/wsapi/2.0/verify?id=1&otp=ccccccbcgujhingjrdejhgfnuetrgigvejhhgbkugded&nonce=aaaaaaaaaaaaaaaaaaaa";
  const auto answers_right = [=](int port) {
    const Client client(port);
    client.send("GET " + path + " HTTP/1.0\r\n\r\n");
    return std::regex_replace(client.read_all(), std::regex("\r\nt=[-0-9T:.]*Z\r\n"), "\r\nt=\r\n") ==
           "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nh= \r\nt=\r\n"
           "otp=ccccccbcgujhingjrdejhgfnuetrgigvejhhgbkugded\r\nnonce=aaaaaaaaaaaaaaaaaaaa\r\nsl=100\r\n"
           "status=NO_SUCH_CLIENT\r\n";
  };
  return {.name = "yubiserver",
          .command =
              [=](int port) {
                const auto database = directory + "/yubiserver.sqlite";
                std::filesystem::copy_file("/etc/yubiserver/yubiserver.sqlite.init", database);
                for (const auto& file : {database, put(directory + "/yubiserver.log", ""),
                                         put(directory + "/yubiserver/log", "")})  // it becomes another user
                  std::filesystem::permissions(file, static_cast<std::filesystem::perms>(0666));
                return Strings{"yubiserver", "-p", std::to_string(port),         "-d",
                               database,     "-l", directory + "/yubiserver.log"};
              },
          .round =
              [=](Server& server, long round) {
                if (!answers_right(server.port())) server.fault("its answer is another");
                return clients(server, round, {"--abort", "90", "--requests", "200", path});
              },
          .end = [](Server& server) { stop(server, SIGTERM); },
          .variables = {"NOSIGPIPE_INTERVAL=0", "NOSIGPIPE_STACK=0"},
          .is_daemon = true};
}
