// vsftpd has a SIGPIPE handler of its own: it is not killed, bare or not, and its clients are told the same.
#include <unistd.h>

#include <optional>

#include "foreign/server.h"

namespace {

const std::string file = lines();

struct Session {
  Client control;
  Client data;  // where the file is coming
};

// Logs in and asks for the file.
Session download(int port, Client::Width width) {
  Client control(port);
  const auto say = [&](const std::string& line) {
    control.send(line + "\r\n");
    return control.read_until("\r\n");
  };
  control.read_until("\r\n");  // the greeting
  say("USER anonymous");
  say("PASS nobody@localhost");
  say("TYPE I");
  int high = 0;
  int low = 0;
  sscanf(say("PASV").c_str(), "227 Entering Passive Mode (127,0,0,1,%d,%d)", &high, &low);
  Client data(high << 8 | low, width);
  say("RETR file");
  return {std::move(control), std::move(data)};
}

// What the server says to a client that has closed its data connection in the middle of the file.
std::string reply_after_leaving(int port) {
  Session session = download(port, Client::Width::narrow);
  abandon(std::move(session.data), "", Departure::unread, 4096);
  return session.control.read_until("\r\n");
}

// Watched by strace, but only after its start: what is traced at the start is masked.
class Vsftpd {
 public:
  explicit Vsftpd(const Start& start) : server_({"vsftpd", configuration()}, start) {
    REQUIRE(eventually([&] { return listening(port_) && right_file(); }));
    tracer_.emplace(Strings{"strace", "-f", "-e", "trace=none", "-e", "signal=SIGPIPE", "-o", trace_, "-p",
                            std::to_string(server_.pid())});
    REQUIRE(eventually([&] {
      return contents("/proc/" + std::to_string(server_.pid()) + "/status").find("TracerPid:\t0\n") ==
             std::string::npos;
    }));
  }

  bool right_file() const { return download(port_, Client::Width::wide).data.read_all() == file; }
  int port() const { return port_; }
  long sigpipes() const {
    std::istringstream trace(contents(trace_));
    long count = 0;
    for (std::string line; std::getline(trace, line);)
      if (line.find("--- SIGPIPE") != std::string::npos) ++count;
    return count;
  }

 private:
  std::string configuration() const {
    std::filesystem::create_directory(directory_ / "root");
    std::filesystem::create_directory(directory_ / "empty");
    write_file(directory_ / "root/file", file);
    return write_file(directory_ / "configuration",
                      "listen=YES\nlisten_address=127.0.0.1\nlisten_port=" + std::to_string(port_) +
                          "\nbackground=NO\nanonymous_enable=YES\nanon_root=" + (directory_ / "root") +
                          "\nsecure_chroot_dir=" + (directory_ / "empty") +
                          (geteuid() == 0 ? "\n" : "\nrun_as_launching_user=YES\n"));
  }

  const Directory directory_;
  const std::string trace_ = write_file(directory_ / "trace");
  const int port_ = free_port();
  Process server_;
  std::optional<Process> tracer_;
};

}  // namespace

TEST_CASE("vsftpd with a SIGPIPE handler of its own says the same and would not have been killed") {
  constexpr int clients = 20;
  const std::string complaint = "426 Failure writing network stream.\r\n";
  {
    const Vsftpd bare({});
    for (int i = 0; i < clients; ++i) REQUIRE(reply_after_leaving(bare.port()) == complaint);
    REQUIRE(eventually([&] { return bare.sigpipes() >= clients; }));
  }
  // Bypassed behind the mask, no SIGPIPE comes at all.
  for (const std::string guard : {"auto", "mask"}) {
    INFO(guard);
    const Directory directory;
    const auto log = write_file(directory / "averted", "", 0666);
    const Vsftpd server(with_shim({"NOSIGPIPE_GUARD=" + guard, "NOSIGPIPE_HANDLERS=bypass", "NOSIGPIPE_LOG=" + log}));
    for (int i = 0; i < 5 * clients; ++i) REQUIRE(reply_after_leaving(server.port()) == complaint);
    REQUIRE(server.right_file());
    if (guard == "mask") REQUIRE(server.sigpipes() == 0);
    REQUIRE(contents(log).find("would_kill=no") != std::string::npos);
    REQUIRE(contents(log).find("would_kill=yes") == std::string::npos);
  }
}
