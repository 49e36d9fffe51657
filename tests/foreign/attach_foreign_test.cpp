// nosigpipe-attach on servers of the distribution that are at work: whoever ignores SIGPIPE is refused and left alone;
// with that taken away, and else, each is armed and detached over and over, by who is killed at any moment and by who
// is not, and gives no wrong answer.
#include <atomic>
#include <random>
#include <thread>

#include "foreign/server.h"

namespace {

constexpr int kRounds = 20, kKilled = 30;

Ending attach(const Strings& words) { return run(joined({built("nosigpipe-attach")}, words)); }

// The server, and what it has forked.
Strings all_of(pid_t pid) {
  Strings numbers{std::to_string(pid)};
  for (const pid_t child : children(pid)) numbers.push_back(std::to_string(child));
  return numbers;
}

// A client that asks all the time, until this ends.
class Asking {
 public:
  Asking(const Target& target, int port)
      : thread_([this, &target, port] {
          for (; !is_over_; nap()) ++(target.answers_right(port) ? right_ : wrong_);
        }) {}
  ~Asking() {
    is_over_ = true;
    thread_.join();
  }
  long right() const { return right_; }
  long wrong() const { return wrong_; }

 private:
  std::atomic<bool> is_over_ = false;
  std::atomic<long> right_ = 0, wrong_ = 0;
  std::thread thread_;
};

// Once all its processes are there, and none that has only answered.
struct Served {
  Served(const Target& target, const Start& start, size_t processes)
      : port(free_port()), process(target.command(port), start) {
    REQUIRE(answers(target, port));
    REQUIRE(eventually([&] { return all_of(process.pid()).size() == processes; }));
  }
  int port;
  Process process;
};

void is_refused_as_it_is(const Target& target, size_t processes = 1) {
  Served served(target, target.start, processes);
  for (const auto& number : all_of(served.process.pid())) {
    const auto ending = attach({number});
    INFO(ending.text() << ending.out << ending.err);
    CHECK(ending.exited(125));
    CHECK(has(ending.err, "it ignores SIGPIPE, so that none kills it, and is left alone"));
  }
  CHECK(target.answers_right(served.port));
}

// It takes some 20 ms for each process. What it was killed at is left as it is, or whole: it can be armed, and taken
// back.
void kill_at_random_moments(const Strings& numbers) {
  static std::minstd_rand random{std::random_device()()};
  std::uniform_int_distribution<> moment(0, 30'000);
  for (int i = 0; i < kKilled; ++i) {
    const Strings way = i % 2 == 0 ? Strings{} : Strings{"--detach"};
    Process command(
        joined(joined({built("nosigpipe-attach")}, way), {numbers[static_cast<size_t>(i) % numbers.size()]}));
    std::this_thread::sleep_for(std::chrono::microseconds(moment(random)));
    command.signal(SIGKILL);
    command.wait();
  }
  attach(numbers);
  const auto back = attach(joined({"--detach"}, numbers));
  INFO(back.err);
  CHECK(back.exited(0));
}

void is_armed_over_and_over(const Target& target, size_t processes = 1) {
  Served served(target, target.start, processes);
  const auto numbers = all_of(served.process.pid());
  const Asking asking(target, served.port);
  kill_at_random_moments(numbers);
  std::string refused;
  int armed = 0;
  for (int i = 0; i < kRounds; ++i)
    for (const auto& words : {numbers, joined({"--detach"}, numbers)}) {
      const auto ending = attach(words);
      refused += ending.err;
      armed += ending.exited(0);
    }
  CHECK(refused == "");
  CHECK(armed == 2 * kRounds);
  const long right = asking.right();
  CHECK(eventually([&] { return asking.right() > right + 1 || asking.wrong() != 0; }));
  CHECK(asking.wrong() == 0);
  CHECK(served.process.running());
  WARN(numbers.size() << " processes, " << asking.right() << " right answers");
}

Target without_ignoring(Target target) {
  target.start.env.push_back("LD_PRELOAD=" + built("tests/victims/libnotignoring.so"));
  return target;
}

// As it is, and with that taken away.
void is_refused_or_armed(const Target& target, size_t processes = 1) {
  is_refused_as_it_is(target, processes);
  is_armed_over_and_over(without_ignoring(target), processes);
}

const std::string kText = lines(200'000);

bool serves_text(int port) {
  return http_body(ask(port, "GET /text HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")) == kText;
}

Target http_server(const Directory& directory, const std::function<Strings(int port)>& command) {
  write_file(directory / "text", kText);
  Target target{command, nullptr, serves_text};
  target.start.directory = directory.path();
  return target;
}

}  // namespace

TEST_CASE("nginx and its workers are armed as they serve") {
  const Directory directory;
  std::filesystem::permissions(directory.path(), static_cast<std::filesystem::perms>(0755));
  const auto config = [&](int port) {
    return write_file(directory / "nginx.conf", "daemon off; worker_processes 2; pid " + (directory / "pid") +
                                                    "; error_log stderr;\n"
                                                    "events { worker_connections 64; }\n"
                                                    "http { access_log off; server { listen 127.0.0.1:" +
                                                    std::to_string(port) + "; root " + directory.path() + "; } }\n");
  };
  is_refused_or_armed(http_server(directory,
                                  [&](int port) {
                                    return Strings{"nginx", "-e", "stderr", "-c", config(port)};
                                  }),
                      3);
}

TEST_CASE("redis is armed as it serves") {
  const Directory directory;
  Target target{[](int port) {
                  return Strings{"redis-server", "--port", std::to_string(port), "--bind", "127.0.0.1", "--save", ""};
                },
                nullptr,
                [](int port) {
                  const Client client(port);
                  client.send("SET key " + std::string(1000, 'x') + "\r\nGET key\r\n");
                  const auto expected = "+OK\r\n$1000\r\n" + std::string(1000, 'x') + "\r\n";
                  return client.read(expected.size()) == expected;
                }};
  target.start.directory = directory.path();
  is_refused_or_armed(target);
}

TEST_CASE("PostgreSQL and all that it has forked are armed as they serve") {
  if (geteuid() != 0) SKIP_TEST("only root can become the user of PostgreSQL");
  const auto versions = lines_of(output_of({"sh", "-c", "ls -d /usr/lib/postgresql/*/bin | sort -V"}));
  REQUIRE(!versions.empty());
  const auto program = [&](const std::string& name) { return versions.back() + "/" + name; };
  const Strings as_user{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"};
  const Directory directory;
  std::filesystem::permissions(directory.path(), static_cast<std::filesystem::perms>(0777));
  const auto data = directory / "data";
  output_of(joined(as_user, {program("initdb"), "-A", "trust", "-U", "postgres", "-N", "-D", data}));
  const auto sql = [&](int port, const std::string& text) {
    return Strings{"psql", "-h", "127.0.0.1", "-p", std::to_string(port), "-U", "postgres", "-Atc", text};
  };
  const Target target{[&](int port) {
                        return joined(as_user, {program("postgres"), "-D", data, "-k", "", "-c", "autovacuum=off", "-h",
                                                "127.0.0.1", "-p", std::to_string(port)});
                      },
                      nullptr,
                      [&](int port) {
                        return run(sql(port, "select sum(i) from generate_series(1, 100000) i")).out == "5000050000\n";
                      }};
  is_refused_or_armed(target, 5);
}

TEST_CASE("python is armed as it serves") {
  const Directory directory;
  is_refused_or_armed(http_server(directory, [](int port) {
    return Strings{"/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1", std::to_string(port)};
  }));
}

TEST_CASE("node is armed as it serves") {
  const Directory directory;
  is_refused_or_armed(http_server(directory, [](int port) {
    return Strings{"node", "-e",
                   "require('http').createServer((request, answer) => require('fs').readFile('text', (error, text) => "
                   "answer.end(text))).listen(" +
                       std::to_string(port) + ", '127.0.0.1')"};
  }));
}

TEST_CASE("perl is armed as it serves") {
  const Directory directory;
  const auto script = write_file(directory / "server.pl", R"(
use HTTP::Daemon;
my $daemon = HTTP::Daemon->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0]) or die;
while (my $client = $daemon->accept) {
  while (my $request = $client->get_request) {
    $client->send_file_response('.' . $request->uri->path);
  }
  $client->close;
}
)");
  is_armed_over_and_over(http_server(directory, [&](int port) {
    return Strings{"perl", script, std::to_string(port)};
  }));
}

TEST_CASE("java is armed as it serves, and keeps its handler") {
  const Target target{[](int port) {
                        return Strings{"java", "-Djava.net.preferIPv4Stack=true", "-m",
                                       "java.rmi/sun.rmi.registry.RegistryImpl", std::to_string(port)};
                      },
                      nullptr,
                      [](int port) {
                        const Client client(port);
                        client.send(std::string_view("JRMI\0\2\x4b", 7));
                        return client.read(1) == "\x4e";  // ProtocolAck
                      }};
  is_armed_over_and_over(target);
}
