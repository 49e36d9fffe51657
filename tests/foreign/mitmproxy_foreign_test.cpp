// mitmproxy and a browser whose tabs are opened and closed fast.
#include <random>

#include "foreign/counted.h"

namespace {

constexpr int tabs = 40;

class Web {
 public:
  Web() {
    write_file(directory_ / "video", video_);
    write_file(directory_ / "default_sigpipe.py", "import signal\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\n");
    REQUIRE(eventually([&] { return listening(origin_port_); }));
  }

  // An add-on that sets SIGPIPE back to its default, which Python starts with ignoring.
  Strings with_addon() const { return {"-s", directory_ / "default_sigpipe.py"}; }

  // To be started with few file descriptors, fewer than two for each tab, or with no such limit.
  Target mitmdump(int most_fds, const Strings& options) const {
    Target target{[=, this](int port) {
                    Strings command{"prlimit",
                                    "--nofile=" + std::to_string(most_fds),
                                    "/usr/bin/mitmdump",
                                    "--listen-host",
                                    "127.0.0.1",
                                    "--listen-port",
                                    std::to_string(port),
                                    "--set",
                                    "confdir=" + (directory_ / "conf"),
                                    "--set",
                                    "flow_detail=0"};
                    command.insert(command.end(), options.begin(), options.end());
                    return command;
                  },
                  [this](int port, Departure, size_t seed) { open_and_close_tabs(port, seed); },
                  [this](int port) { return http_body(ask(port, request())) == video_; }};
    target.start.env = {"PYTHONPATH", "PYTHONHOME"};
    target.at_least = 20;
    return target;
  }

  int bad_gateway() const { return bad_gateway_; }

 private:
  std::string request() const {
    return "GET http://127.0.0.1:" + std::to_string(origin_port_) +
           "/video HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  }

  // All are open at once, and closed in any order and any way, some before the video is there, some in its middle.
  void open_and_close_tabs(int port, size_t seed) const {
    std::mt19937 random(static_cast<unsigned>(seed));
    std::vector<Client> open;
    for (int i = 0; i < tabs; ++i) {
      open.emplace_back(port);
      open.back().send(request());
    }
    std::shuffle(open.begin(), open.end(), random);
    while (!open.empty()) {
      if (random() % 2 == 0)
        bad_gateway_ += open.back().read(1024 + random() % video_.size()).starts_with("HTTP/1.1 502 Bad Gateway");
      if (random() % 2 == 0) open.back().finish();
      if (random() % 2 == 0) open.back().reset();
      open.pop_back();
    }
  }

  mutable int bad_gateway_ = 0;
  const Directory directory_;
  const std::string video_ = lines(500'000);
  const int origin_port_ = free_port();
  const Process origin_{{"tcpserver", "-HRDl0", "-b100", "-c100", "127.0.0.1", std::to_string(origin_port_),
                         "micro-httpd", directory_.path()}};
};

}  // namespace

TEST_CASE("mitmdump with an add-on that defaults SIGPIPE survives its users") {
  const Web web;
  dies_bare_and_survives_shimmed(web.mitmdump(1024, web.with_addon()));
}

TEST_CASE("mitmdump with that add-on survives them with few file descriptors") {
  const Web web;
  dies_bare_and_survives_shimmed(web.mitmdump(64, web.with_addon()));
  REQUIRE(web.bad_gateway() > 0);  // none was left to reach the server with
}

// The control is Python, which starts with SIGPIPE ignored: nothing dies bare.
TEST_CASE("mitmdump alone is none the worse for the shim with few file descriptors") {
  const Web web;
  survives_shimmed(web.mitmdump(64, {}), 20);
  REQUIRE(web.bad_gateway() > 0);
}

TEST_CASE("what is logged of mitmdump is what strace sees") {
  const Web web;
  logs_what_strace_sees(web.mitmdump(1024, web.with_addon()), 1500 / tabs + 1);
}
