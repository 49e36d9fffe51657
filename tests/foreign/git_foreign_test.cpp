// git daemon wants to die of SIGPIPE: it raises the signal itself where a write said EPIPE. The shim lets it.
#include "foreign/server.h"

namespace {

using Command = Strings;

// The git protocol's lines begin with their length.
std::string packet(const std::string& line) {
  char length[5];
  snprintf(length, sizeof length, "%04zx", line.size() + 4);
  return length + line;
}

class Repository {
 public:
  Repository() {
    git({"init", "--quiet", "repository"});
    write_file(directory_ / "repository/lines", lines_);
    git({"-C", "repository", "add", "lines"});
    git({"-C", "repository", "-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "--quiet", "-m", "lines"});
    head_ = git({"-C", "repository", "rev-parse", "HEAD"}).substr(0, 40);
    daemon_ = git({"--exec-path"});
    daemon_.replace(daemon_.find('\n'), 1, "/git-daemon");
  }

  Target daemon() const {
    return {[this](int port) {
              return Command{daemon_, "--listen=127.0.0.1", "--port=" + std::to_string(port), "--export-all",
                             "--base-path=" + directory_.path()};
            },
            [this](int port, Departure how, size_t heard) {
              Client client(port, Client::Width::narrow);
              client.send(packet("git-upload-pack /repository" + std::string("\0host=localhost\0", 16)));
              client.read_until("0000");  // what there is to be had
              abandon(std::move(client), packet("want " + head_ + " side-band-64k\n") + "0000" + packet("done\n"), how,
                      heard);
            },
            [this](int port) {
              std::filesystem::remove_all(directory_ / "clone");
              const auto url = "git://127.0.0.1:" + std::to_string(port) + "/repository";
              return run({"git", "clone", "--quiet", url, "clone"}, home()).exited(0) &&
                     contents(directory_ / "clone/lines") == lines_;
            },
            home()};
  }

 private:
  Start home() const {
    Start start;
    start.env = {"HOME=" + directory_.path(), "GIT_CONFIG_NOSYSTEM=1"};
    start.directory = directory_.path();
    return start;
  }
  std::string git(const Command& words) const { return output_of(joined({"git"}, words), home()); }

  const Directory directory_;
  const std::string lines_ = lines(4'000'000);
  std::string head_;
  std::string daemon_;
};

}  // namespace

TEST_CASE("git daemon keeps its own way with SIGPIPE") {
  constexpr int clients = 20;
  const Repository repository;
  const Target target = repository.daemon();
  const auto killed = [&](Start start) {
    const Endings endings;
    const int port = free_port();
    Process server(target.command(port), endings.seen(start));
    REQUIRE(answers(target, port));
    for (size_t i = 0; i < clients; ++i) target.attack(port, Departure::unread, i * 256);
    REQUIRE(answers(target, port));
    REQUIRE(eventually([&] { return children(server.pid()).empty(); }));
    return endings.killed_by(SIGPIPE);
  };
  REQUIRE(killed(target.start) == clients);
  REQUIRE(killed(ignoring_sigpipe(target.start)) == clients);
  REQUIRE(killed(with_shim({}, target.start)) == clients);
}
