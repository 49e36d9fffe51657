// nosigpipe-doctor on servers of the distribution, unmodified and bare. That it is right shows when they are sent a
// SIGPIPE: who is said to die dies.
#include "support/doctor.h"

#include "foreign/server.h"

namespace {

constexpr int kSafe = 0;
constexpr int kDies = 1;
constexpr int kNotKnown = 3;

struct Said {
  std::string sigpipe;
  int verdict;
};
const Said ignores{"ignored", kSafe};
const Said dies{"default", kDies};

// What the doctor says once the server listens, which comes true. A runtime may set SIGPIPE a moment later.
void is_told(const Strings& argv, int port, const Said& expected, const std::string& words = "") {
  Process server(argv);
  const auto number = std::to_string(server.pid());
  const auto answer = [&] { return doctor({"--json", number}).out; };
  REQUIRE(eventually([&] { return port == 0 || listening(port); }, kPatience));
  CHECK(eventually([&] { return member(answer(), ".sigpipe") == expected.sigpipe; }));
  const auto last = answer();
  INFO(last);
  CHECK(has(member(last, ".advice"), words));
  if (port != 0) CHECK(std::stoi(member(last, ".stream_sockets")) >= 1);
  CHECK(doctor({number}).exited(expected.verdict));
  server.signal(SIGPIPE);
  if (expected.verdict == kDies) {
    CHECK(server.wait().killed_by(SIGPIPE));
  } else if (expected.verdict == kSafe) {
    // It has taken the signal once another one that comes later has stopped it.
    server.signal(SIGSTOP);
    const auto state = [&] { return contents("/proc/" + number + "/status"); };
    CHECK(eventually([&] { return has(state(), "State:\tT"); }));
  }
}

std::string text(int port) { return std::to_string(port); }

}  // namespace

TEST_CASE("the doctor is right about nginx") {
  const Directory directory;
  const int port = free_port();
  const auto file = write_file(directory / "conf", "daemon off; master_process off; pid " + directory.path() +
                                                       "/pid; error_log stderr; events {} http { access_log off; "
                                                       "server { listen 127.0.0.1:" +
                                                       text(port) + "; } }");
  is_told({"nginx", "-c", file}, port, ignores, "You do not need nosigpipe");
}

TEST_CASE("the doctor is right about lighttpd") {
  const Directory directory;
  const int port = free_port();
  const auto file = write_file(
      directory / "conf", "server.document-root=\"/tmp\"\nserver.bind=\"127.0.0.1\"\nserver.port=" + text(port) + "\n");
  is_told({"lighttpd", "-D", "-f", file}, port, ignores);
}

TEST_CASE("the doctor is right about redis, of whose threads one blocks SIGPIPE") {
  const int port = free_port();
  is_told({"redis-server", "--bind", "127.0.0.1", "--port", text(port), "--save", ""}, port, ignores);
}

TEST_CASE("the doctor is right about tcpserver") {
  const int port = free_port();
  is_told({"tcpserver", "-RHl0", "127.0.0.1", text(port), "cat"}, port, ignores);
}

TEST_CASE("the doctor is right about busybox httpd") {
  const int port = free_port();
  is_told({"busybox", "httpd", "-f", "-p", "127.0.0.1:" + text(port)}, port, dies, "Restart it so: nosigpipe");
}

TEST_CASE("the doctor is right about git daemon and its starter, whose handler raises SIGPIPE again") {
  const Directory directory;
  const Strings arguments{"--listen=127.0.0.1", "--base-path=" + directory.path()};
  int port = free_port();
  is_told(joined({"git", "daemon", "--port=" + text(port)}, arguments), 0, {"caught", kNotKnown});
  port = free_port();
  is_told(joined({"/usr/lib/git-core/git-daemon", "--port=" + text(port)}, arguments), port, dies);
}

TEST_CASE("the doctor is right about vsftpd") {
  const Directory directory;
  const int port = free_port();
  const auto file =
      write_file(directory / "conf", "listen=YES\nbackground=NO\nrun_as_launching_user=YES\nlisten_port=" + text(port) +
                                         "\nsecure_chroot_dir=" + directory.path() + "\n");
  is_told({"vsftpd", file}, port, dies);
}

TEST_CASE("the doctor is right about prometheus, which is of Go") {
  const Directory directory;
  const int port = free_port();
  is_told({"prometheus", "--config.file=" + write_file(directory / "conf", "scrape_configs: []\n"),
           "--storage.tsdb.path=" + directory / "tsdb", "--web.listen-address=127.0.0.1:" + text(port)},
          port, {"caught", kSafe}, "You do not need nosigpipe here: Go");
  CHECK(member(doctor({"--json", "prometheus"}).out, ".verdict") == "unneeded");
}

TEST_CASE("a program of Go dies of a socket that is its output, with nosigpipe, too") {
  for (const auto& start : {Start(), with_shim()}) {
    int pair[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    close(pair[1]);
    Start dead = start;
    dead.out = pair[0];
    CHECK(run({"prometheus", "--version"}, dead).killed_by(SIGPIPE));
    close(pair[0]);
  }
}

TEST_CASE("the doctor is right about rsyslogd") {
  const Directory directory;
  const int port = free_port();
  const auto file =
      write_file(directory / "conf", "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"" +
                                         text(port) + "\")\n*.* /dev/null\n");
  is_told({"rsyslogd", "-n", "-f", file, "-i", directory / "pid"}, port, ignores);
}

TEST_CASE("the doctor is right about nbd-server") {
  const Directory directory;
  const int port = free_port();
  const auto image = write_file(directory / "image", std::string(1 << 20, '\0'));
  const auto file = write_file(directory / "conf", "[generic]\nlistenaddr=127.0.0.1\nport=" + text(port) +
                                                       "\n[export]\nexportname=" + image + "\n");
  is_told({"nbd-server", "-d", "-C", file}, port, dies);
}

TEST_CASE("the doctor is right about epmd") {
  const int port = free_port();
  is_told({"epmd", "-address", "127.0.0.1", "-port", text(port)}, port, ignores);
}

TEST_CASE("the doctor is right about a server of Java") {
  const int port = free_port();
  is_told({"java", "-Djava.net.preferIPv4Stack=true", "-m", "java.rmi/sun.rmi.registry.RegistryImpl", text(port)}, port,
          {"caught", kSafe}, "You do not need nosigpipe here: Java");
}

TEST_CASE("the doctor is right about a server of Node, of whose threads one blocks SIGPIPE") {
  const int port = free_port();
  is_told({"node", "-e", "require('net').createServer().listen(" + text(port) + ", '127.0.0.1')"}, port, ignores,
          "You do not need nosigpipe");
  CHECK(member(doctor({"--json", "node"}).out, ".verdict") == "unneeded");
}

TEST_CASE("the doctor is right about socat") {
  const int port = free_port();
  is_told({"socat", "TCP-LISTEN:" + text(port) + ",fork,bind=127.0.0.1", "EXEC:cat"}, port, ignores);
}

TEST_CASE("the doctor is right about a server of Python") {
  const int port = free_port();
  is_told({"/usr/bin/python3", "-m", "http.server", text(port), "--bind", "127.0.0.1"}, port, ignores);
}

TEST_CASE("the doctor is right about dbus-daemon, which listens on AF_UNIX alone") {
  const Directory directory;
  const auto path = directory / "socket";
  Process server({"dbus-daemon", "--session", "--nofork", "--address=unix:path=" + path});
  REQUIRE(eventually([&] { return std::filesystem::exists(path); }));
  const auto number = std::to_string(server.pid());
  CHECK(eventually([&] { return std::stoi(member(doctor({"--json", number}).out, ".stream_sockets")) >= 1; }));
  CHECK(doctor({number}).exited(kDies));
  server.signal(SIGPIPE);
  CHECK(server.wait().killed_by(SIGPIPE));
}

TEST_CASE("the doctor is right about systemd-socket-activate, which clears LD_PRELOAD, too") {
  const int port = free_port();
  const auto place = "127.0.0.1:" + text(port);
  is_told({"systemd-socket-activate", "-l", place, "cat"}, port, dies);
  CHECK(doctor({"systemd-socket-activate", "-l", place, "cat"}).exited(2));
  CHECK(doctor({"systemd-socket-activate", "-E", "LD_PRELOAD", "-l", place, "cat"}).exited(0));
}

TEST_CASE("the doctor is right about teeworlds-server") {
  const Directory directory;
  const int port = free_port();
  const auto file = write_file(directory / "conf",
                               "bindaddr 127.0.0.1\nsv_register 0\nec_bindaddr 127.0.0.1\n"
                               "ec_password secret\nsv_port " +
                                   text(free_port()) + "\nec_port " + text(port) + "\n");
  is_told({"env", "-C", directory.path(), "HOME=" + directory.path(), "/usr/games/teeworlds-server", "-f", "conf"},
          port, dies);
}

TEST_CASE("the doctor is right about openssl s_server") {
  const int port = free_port();
  is_told({"openssl", "s_server", "-4", "-accept", "127.0.0.1:" + text(port), "-nocert"}, port, ignores);
}

TEST_CASE("the doctor is right about mitmdump, a script of Python") {
  const Directory directory;
  const int port = free_port();
  is_told({"mitmdump", "--set", "confdir=" + directory.path(), "-q", "--listen-host", "127.0.0.1", "--listen-port",
           text(port)},
          port, ignores);
  CHECK(has(member(doctor({"--json", "mitmdump"}).out, ".file"), "python3"));
  CHECK(doctor({"mitmdump"}).exited(0));
}

namespace {

const std::string kListen =
    "use IO::Socket; $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], "
    "Listen => 1) or die; $s->accept;";

}  // namespace

TEST_CASE("the doctor is right about a server of Perl") {
  const int port = free_port();
  is_told({"perl", "-e", kListen, text(port)}, port, dies);
}

TEST_CASE("the doctor is right about a server that a script becomes") {
  const Directory directory;
  const int port = free_port();
  const auto script = write_file(
      directory / "server",
      "#!/bin/sh\nexec perl -e \"" +
          [] {
            auto escaped = kListen;
            for (size_t at = 0; (at = escaped.find('$', at)) != escaped.npos; at += 2) escaped.insert(at, "\\");
            return escaped;
          }() +
          "\" \"$1\"\n",
      0755);
  is_told({script, text(port)}, port, dies);
  CHECK(member(doctor({"--json", script}).out, ".through[0]") == script);
}

TEST_CASE("the doctor is right about yubiserver") {
  const Directory directory;
  const int port = free_port();
  const auto database = directory / "database";
  std::filesystem::copy_file("/etc/yubiserver/yubiserver.sqlite.init", database);
  std::filesystem::permissions(database, static_cast<std::filesystem::perms>(0666));
  Daemon server({"yubiserver", "-p", text(port), "-d", database, "-l", write_file(directory / "log", "", 0666)});
  REQUIRE(eventually([&] { return listening(port); }));
  CHECK(doctor({std::to_string(server.pid())}).exited(kDies));
  kill(server.pid(), SIGPIPE);
  CHECK(server.wait().killed_by(SIGPIPE));
}

TEST_CASE("the doctor is right about a server that is the first process of a PID namespace") {
  if (geteuid() != 0) SKIP_TEST("only root can make a PID namespace");
  const int port = free_port();
  Process starter(
      {"unshare", "--pid", "--fork", "--kill-child", "busybox", "httpd", "-f", "-p", "127.0.0.1:" + text(port)});
  REQUIRE(eventually([&] { return listening(port); }));
  const auto first = children(starter.pid());
  REQUIRE(first.size() == 1);
  const auto said = doctor({"--json", std::to_string(first[0])});
  CHECK(member(said.out, ".sigpipe") == "default");
  CHECK(said.exited(kSafe));
  kill(first[0], SIGPIPE);
  kill(first[0], SIGSTOP);
  CHECK(eventually([&] { return has(contents("/proc/" + std::to_string(first[0]) + "/status"), "State:\tT"); }));
}

TEST_CASE("the doctor is right about a server that is traced") {
  const int port = free_port();
  Process strace({"strace", "-qq", "-o", "/dev/null", "busybox", "httpd", "-f", "-p", "127.0.0.1:" + text(port)});
  REQUIRE(eventually([&] { return listening(port); }));
  const auto traced = children(strace.pid());
  REQUIRE(traced.size() == 1);
  const auto said = doctor({"--json", std::to_string(traced[0])});
  CHECK(member(said.out, ".tracer") == std::to_string(strace.pid()));
  CHECK(said.exited(kDies));
}

TEST_CASE("the doctor is right about a server that is set-user-ID") {
  if (geteuid() != 0) SKIP_TEST("only root can make a program that changes its user");
  const Directory directory;
  const int port = free_port();
  const auto program = directory / "busybox";
  std::filesystem::copy_file("/bin/busybox", program);
  std::filesystem::permissions(program, static_cast<std::filesystem::perms>(04755));
  // busybox gives its rights back for applets that need none: what it started with stays.
  const Strings argv{"setpriv", "--reuid=65534",          "--regid=65534", "--clear-groups", program, "httpd", "-f",
                     "-p",      "127.0.0.1:" + text(port)};
  is_told(argv, port, dies, "/etc/ld.so.preload");
}
