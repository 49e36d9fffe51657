// Servers of which one process serves everybody: one client that leaves, and all others lose it.
#include <regex>

#include "foreign/counted.h"

namespace {

using Command = Strings;

const std::string text = lines(4'000'000);

Target http_server(const Directory& directory, const std::string& program) {
  write_file(directory / "text", text);
  const auto script = write_file(directory / "server.pl", program);
  const std::string request = "GET /text HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  Target target{[=](int port) {
                  return Command{"perl", script, std::to_string(port)};
                },
                [=](int port, Departure how, size_t heard) { abandon(Client(port), request, how, heard); },
                [=](int port) { return http_body(ask(port, request)) == text; }};
  target.start.directory = directory.path();
  return target;
}

class Proxied {
 public:
  Proxied()
      : upstream_({"tcpserver", "-HRDl0", "-b100", "-c100", "127.0.0.1", port_, "cat",
                   write_file(directory_ / "text", text)}) {}

  Target socket_proxyd() const {
    return {[this](int port) {
              return Command{"systemd-socket-activate",
                             "-E",
                             "LD_PRELOAD",
                             "-E",
                             "NOSIGPIPE_LOG",
                             "-E",
                             "NOSIGPIPE_INTERVAL",
                             "-l",
                             "127.0.0.1:" + std::to_string(port),
                             "/lib/systemd/systemd-socket-proxyd",
                             "127.0.0.1:" + port_};
            },
            [](int port, Departure how, size_t heard) { abandon(Client(port), "", how, heard); },
            [](int port) { return ask(port) == text; }};
  }

 private:
  const Directory directory_;
  const std::string port_ = std::to_string(free_port());
  const Process upstream_;
};

const char* const by_write = R"(
use HTTP::Daemon;
my $daemon = HTTP::Daemon->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0]) or die;
while (my $client = $daemon->accept) {
  while (my $request = $client->get_request) {
    $client->send_file_response('.' . $request->uri->path);
  }
  $client->close;
}
)";

const char* const by_send = R"(
use IO::Socket::INET;
my $daemon = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 100) or die;
while (my $client = $daemon->accept) {
  my ($path) = <$client> =~ m{^GET /(\w+)} or next;
  while (<$client> =~ /\S/) {}
  open my $file, '<', $path or next;
  send $client, "HTTP/1.1 200 OK\r\n\r\n", 0;
  while (read $file, my $block, 65536) {
    while (length $block) {
      my $sent = send $client, $block, 0 or last;
      substr $block, 0, $sent, '';
    }
  }
}
)";

Target yubiserver(const Directory& directory) {
  // It becomes another user before it opens these.
  const auto database = directory / "database";
  std::filesystem::copy_file("/etc/yubiserver/yubiserver.sqlite.init", database);
  std::filesystem::permissions(database, static_cast<std::filesystem::perms>(0666));
  const auto log = write_file(directory / "log", "", 0666);
  const std::string request =
      "GET /wsapi/2.0/verify?id=1&otp=ccccccbcgujhingjrdejhgfnuetrgigvejhhgbkugded&nonce=aaaaaaaaaaaaaaaaaaaa "
      "HTTP/1.0\r\n\r\n";
  return {[=](int port) { return Command{"yubiserver", "-p", std::to_string(port), "-d", database, "-l", log}; },
          [=](int port, Departure how, size_t heard) { abandon(Client(port), request, how, heard); },
          [=](int port) {
            return std::regex_replace(ask(port, request), std::regex("\r\nt=[-0-9T:.]*Z\r\n"), "\r\nt=\r\n") ==
                   "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nh= \r\nt=\r\n"
                   "otp=ccccccbcgujhingjrdejhgfnuetrgigvejhhgbkugded\r\nnonce=aaaaaaaaaaaaaaaaaaaa\r\nsl=100\r\n"
                   "status=NO_SUCH_CLIENT\r\n";
          }};
}

Target teeworlds(const Directory& directory) {
  using namespace std::string_literals;
  std::string commands = "secret\n";
  for (int i = 0; i < 50; ++i) commands += "echo a word\n";
  const auto game_port = std::to_string(free_port());
  Target target{[=, &directory](int port) {
                  write_file(
                      directory / "configuration",
                      "bindaddr 127.0.0.1\nsv_register 0\nsv_map dm1\nec_bindaddr 127.0.0.1\nec_password secret\n"
                      "ec_output_level 2\nsv_port " +
                          game_port + "\nec_port " + std::to_string(port) + "\n");
                  return Command{"/usr/games/teeworlds-server", "-f", "configuration"};
                },
                [=](int port, Departure how, size_t heard) { abandon(Client(port), commands, how, heard % 1024); },
                [](int port) {
                  const Client console(port);
                  console.send("secret\necho a word\n");
                  const auto answer = console.read_until("[Console]: a word\n\0\0"s);
                  return std::regex_replace(answer, std::regex("[0-9]+"), "N") ==
                         "Enter password:\n\0\0Authentication successful. External console access granted.\n\0\0"
                         "[N:N:N][econ]: cid=N authed\n\0\0[N:N:N][server]: cid=N cmd='echo a word'\n\0\0"
                         "[N:N:N][Console]: a word\n\0\0"s;
                }};
  target.start.directory = directory.path();
  target.start.env = {"HOME=" + directory.path()};
  return target;
}

}  // namespace

TEST_CASE("systemd-socket-proxyd survives in splice") { dies_bare_and_survives_shimmed(Proxied().socket_proxyd()); }
TEST_CASE("what is logged of systemd-socket-proxyd is what strace sees") {
  logs_what_strace_sees(Proxied().socket_proxyd(), 4000);
}

TEST_CASE("a file server of ten lines of perl survives in write") {
  const Directory directory;
  dies_bare_and_survives_shimmed(http_server(directory, by_write));
}
TEST_CASE("what is logged of a file server of ten lines of perl is what strace sees") {
  const Directory directory;
  logs_what_strace_sees(http_server(directory, by_write), 100);
}

TEST_CASE("a file server of perl survives in send") {
  const Directory directory;
  dies_bare_and_survives_shimmed(http_server(directory, by_send));
}
TEST_CASE("what is logged of a file server of perl is what strace sees") {
  const Directory directory;
  logs_what_strace_sees(http_server(directory, by_send), 400);
}

TEST_CASE("yubiserver survives in write") {
  const Directory directory;
  dies_bare_and_survives_shimmed<Daemon>(yubiserver(directory));
}
TEST_CASE("yubiserver survives once it is armed as it runs, and no longer than that") {
  const Directory directory;
  survives_attached_and_dies_detached<Daemon>(yubiserver(directory));
}
TEST_CASE("what is logged of yubiserver is what strace sees") {
  const Directory directory;
  logs_what_strace_sees<Daemon>(yubiserver(directory), 4000);
}

TEST_CASE("teeworlds-server survives in send") {
  const Directory directory;
  dies_bare_and_survives_shimmed(teeworlds(directory));
}
TEST_CASE("teeworlds-server survives once it is armed as it runs, and no longer than that") {
  const Directory directory;
  survives_attached_and_dies_detached(teeworlds(directory));
}
