// Clients of the distribution, stripped as they come, whose server leaves: how they end, and what the log and the
// report say of each.
#include <optional>
#include <regex>

#include "foreign/counted.h"

namespace {

// Takes leave of each client: behind what it has to say to it a FIN, and a RST. By TLS this is its part of the
// handshake, by TCP its answer to a request, or its greeting. The journal's stand-in has heard who writes.
const char* const leaving = R"(
import socket, ssl, struct, sys
how, where, cert = sys.argv[1:]

def leave(client, words):
    if client.family == socket.AF_INET:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        client.sendall(words)
        client.shutdown(socket.SHUT_WR)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))

def handshake(client):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    while not outgoing.pending:
        hello = client.recv(65536)
        if not hello: break
        incoming.write(hello)
        try: tls.do_handshake()
        except ssl.SSLError: pass
    return outgoing.read()

def words_for(client):
    if how == 'handshake': return handshake(client)
    if how == 'answer': client.recv(65536)
    if how == 'header':
        header = b''
        while header.count(b'\n') < 7: header += client.recv(65536)
    return b'220 hello\r\n' if how == 'greeting' else b'+OK\r\n'

if how == 'header':
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(where)
    listener.listen()
else:
    listener = socket.create_server(('127.0.0.1', int(where)), backlog=64)
while True:
    client, _ = listener.accept()
    with client:
        try: leave(client, words_for(client))
        except OSError: pass
)";

// What the report shows in a terminal of so many columns.
std::string in_tmux(int columns, const std::string& log) {
  struct Tmux {
    Ending operator()(const Strings& words) const {
      Start start;
      start.env = {"TMUX_TMPDIR=" + directory.path(), "TMUX", "LC_ALL=C.UTF-8", "TERM=xterm"};
      return run(joined({"tmux", "-f", "/dev/null"}, words), start);
    }
    ~Tmux() { (*this)({"kill-server"}); }
    const Directory directory;
  } const tmux;
  const auto started = tmux({"new-session", "-d", "-x", std::to_string(columns), "-y", "24",
                             built("nosigpipe-report") + " " + log + "; echo END; exec cat"});
  INFO(started.text() << started.err);
  REQUIRE(started.exited(0));
  std::string screen;
  REQUIRE(eventually([&] {
    screen = tmux({"capture-pane", "-p", "-S", "-"}).out;
    return has(screen, "\nEND");
  }));
  return screen;
}

// A program whose server leaves. Whether all of the leave has arrived when it writes is not in our hands, so it is
// started until it was.
class LeftClient {
 public:
  // As the server above takes it. {port} in the command is its port; the journal's place is the same to both.
  LeftClient(const std::string& how, Strings command) : command_(std::move(command)) {
    here_.directory = directory_.path();
    const auto port = std::to_string(free_port());
    for (auto& word : command_)
      if (const auto at = word.find("{port}"); at != std::string::npos) word.replace(at, 6, port);
    if (how == "handshake") make_certificate();
    const bool is_journal = how == "header";
    const Strings server = {"python3", "-c", leaving, how, is_journal ? kJournal : port, certificate_};
    if (is_journal) command_ = joined(with_journal(), command_);
    server_.emplace(is_journal ? joined(with_journal(), server) : server);
    REQUIRE(eventually(
        [&] { return is_journal ? std::filesystem::exists(directory_ / "stdout") : listening(std::stoi(port)); }));
  }

  void dies_bare() const {
    Ending ending;
    const bool died = eventually([&] { return (ending = run(command_, here_)).killed_by(SIGPIPE); });
    INFO(ending.text() << "\n" << ending.out << ending.err);
    REQUIRE(died);
  }

  // How it ends bare, and how it ends under the shim when that had something to tell; the log stays.
  Ending ends_bare() const { return run(command_, here_); }
  Ending ends_shimmed(const Strings& env = {}) const {
    Ending ending;
    REQUIRE(eventually([&] {
      ending = run(command_, with_shim(joined({"NOSIGPIPE_LOG=" + log_}, env), here_));
      return !contents(log_).empty();
    }));
    return ending;
  }

  void is_counted_as_strace_sees() const {
    long seen = 0;
    long logged = 0;
    REQUIRE(eventually([&] {
      const Directory files;
      const auto log = directory_ / "counted";
      std::filesystem::remove(log);
      run(strace(files, command_), with_shim({"NOSIGPIPE_LOG=" + log}, here_));
      seen = sigpipes_in(files);
      logged = count_of(parsed(contents(log)));
      return seen > 0;
    }));
    CHECK(logged == seen);
  }

  // In each of the terminal's widths.
  void shows(const Strings& patterns) const {
    for (const int columns : {80, 100, 200}) {
      const auto screen = in_tmux(columns, log_);
      INFO(columns << " columns\n" << screen << contents(log_));
      for (const auto& pattern : patterns) {
        INFO(pattern);
        CHECK(std::regex_search(screen, std::regex(pattern)));
      }
    }
  }

 private:
  static constexpr auto kJournal = "/run/systemd/journal/stdout";
  Strings with_journal() const {
    return {"unshare",
            "--mount",
            "sh",
            "-c",
            "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && mount --bind \"$0\" /run/systemd/journal && "
            "exec \"$@\"",
            directory_.path()};
  }
  void make_certificate() const {
    output_of({"sh", "-c",
               "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout \"$0\" -out \"$0.only\" && "
               "cat \"$0.only\" >>\"$0\"",
               certificate_});
  }

  const Directory directory_;
  Start here_;  // Node leaves a file where it is started
  const std::string certificate_ = directory_ / "certificate";
  const std::string log_ = directory_ / "log";
  Strings command_;
  std::optional<Process> server_;
};

// Bare SIGPIPE ends it, under the shim it ends by itself.
void is_told(const LeftClient& client, int status, const Strings& patterns) {
  client.dies_bare();
  const Ending ending = client.ends_shimmed();
  INFO(ending.text() << "\n" << ending.out << ending.err);
  CHECK(ending.exited(status));
  client.shows(patterns);
  client.is_counted_as_strace_sees();
}

// The library's write, who has called the library in the one before, and the place in the program.
Strings by_openssl(const std::string& program) {
  return {"  write  " + program + "\\+0x[0-9a-f]+ through libcrypto\\.so\\.3\n",
          "BIO_write libcrypto\\.so\\.3\\+0x[0-9a-f]+\\s+< (SSL_\\w+ )?libssl\\.so\\.3\\+0x[0-9a-f]+\\s+< " + program +
              "\\+0x[0-9a-f]+\\s+< \\.\\.\\."};
}

}  // namespace

TEST_CASE("sslscan goes on and each place in it is told through OpenSSL") {
  is_told({"handshake", {"sslscan", "127.0.0.1:{port}"}}, 0, by_openssl("sslscan"));
}

TEST_CASE("axel says itself that it has failed and its place is told through OpenSSL") {
  is_told({"handshake", {"axel", "-k", "-o", "/dev/null", "https://127.0.0.1:{port}/"}}, 1, by_openssl("axel"));
}

TEST_CASE("check_http says itself that it has failed and its place is told through OpenSSL") {
  is_told({"handshake", {"/usr/lib/nagios/plugins/check_http", "-I", "127.0.0.1", "-p", "{port}", "-S"}}, 2,
          by_openssl("check_http"));
}

TEST_CASE("lynx says itself that it has failed and its place is told through GnuTLS") {
  is_told({"handshake", {"lynx", "-dump", "https://127.0.0.1:{port}/"}}, 1,
          {"gnutls_handshake libgnutls\\.so\\.30[.0-9]*\\+0x[0-9a-f]+\\s+< lynx\\+0x[0-9a-f]+",
           "lynx\\+0x[0-9a-f]+ through libgnutls\\.so\\.30[.0-9]*\n"});
}

TEST_CASE("redis-cli says itself that it has failed and its function is told") {
  is_told({"answer", {"redis-cli", "-p", "{port}", "-a", "word", "ping"}}, 1,
          {"  sendto  redisNetWrite  redis-cli\\+0x[0-9a-f]+\n", "< redisBufferWrite redis-cli\\+0x[0-9a-f]+"});
}

TEST_CASE("check_ftp has its own status and its place is told") {
  is_told({"greeting", {"/usr/lib/nagios/plugins/check_ftp", "-H", "127.0.0.1", "-p", "{port}"}}, 0,
          {"  sendto  check_tcp\\+0x[0-9a-f]+\n"});
}

TEST_CASE("perl sees print fail and its function is told") {
  const auto program = R"(
    use IO::Socket::INET;
    my $socket = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die;
    $socket->autoflush(1);
    while (print $socket "a line\n") {}
    exit 3)";
  is_told({"answer", {"perl", "-e", program, "{port}"}}, 3,
          {"  write  PerlIOUnix_write  perl\\+0x[0-9a-f]+\n", "< PerlIOBuf_flush perl\\+0x[0-9a-f]+"});
}

TEST_CASE("bash sees echo fail on /dev/tcp and its builtin is told") {
  is_told(
      {"answer", {"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$0; while echo a line >&3; do :; done; exit 3", "{port}"}},
      3, {"  write  echo_builtin  bash\\+0x[0-9a-f]+\n"});
}

TEST_CASE("what systemd-cat has started sees echo fail when the journal has left and the journal is told") {
  if (geteuid() != 0) {
    WARN("skipped: only root can put a socket in the journal's place");
    return;
  }
  is_told({"header", {"systemd-cat", "bash", "-c", "while echo a line; do :; done; exit 3"}}, 3,
          {"  write  echo_builtin  bash\\+0x[0-9a-f]+\n", "; peers /run/systemd/journal/stdout \\([0-9]+\\)"});
}

TEST_CASE("R makes an error of its own of SIGPIPE, as bare, and what it was about is told as handled") {
  const auto program = R"(
    socket <- socketConnection("127.0.0.1", as.integer(commandArgs(TRUE)), open = "r+", blocking = TRUE)
    repeat writeLines("a line", socket))";
  const LeftClient client("answer", {"R", "--vanilla", "--no-echo", "-e", program, "--args", "{port}"});
  const std::string error = "Error in writeLines(\"a line\", socket) : ignoring SIGPIPE signal";
  REQUIRE(has(client.ends_bare().err, error));
  const Ending ending = client.ends_shimmed();
  CHECK(has(ending.err, error));
  CHECK(ending.exited(1));
  client.shows({"Handled by the program:\n +1  sendto  socket  /usr/lib/R/bin/exec/R\n",
                "internet\\.so\\+0x[0-9a-f]+\\s+< \\w+ libR\\.so\\+0x[0-9a-f]+\\s+< main R\\+0x[0-9a-f]+"});
  client.is_counted_as_strace_sees();
}

TEST_CASE("Node, which ignores SIGPIPE, is told as nothing deadly and by the line of its program") {
  const Directory directory;
  const auto program = write_file(directory / "client.js", R"(
const socket = require('net').connect({port: process.argv[2], host: '127.0.0.1', allowHalfOpen: true});
socket.on('data', () => {});
socket.on('error', error => { console.log(process.pid, error.code); process.exit(3); });
function report() { socket.write('a line\n', error => { if (!error) setTimeout(report, 1); }); }
report();
)");
  const LeftClient client("answer", {"node", program, "{port}"});
  CHECK(client.ends_bare().exited(3));
  const Ending ending = client.ends_shimmed({"NODE_OPTIONS=--perf-basic-prof --interpreted-frames-native-stack"});
  CHECK(ending.exited(3));
  CHECK(has(ending.out, " EPIPE\n"));
  client.shows({"none would have killed", " 0  write  report  \\S*client\\.js:5\n"});
  std::filesystem::remove("/tmp/perf-" + ending.out.substr(0, ending.out.find(' ')) + ".map");
  client.is_counted_as_strace_sees();
}
