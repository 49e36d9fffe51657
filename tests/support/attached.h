// The victim "attached", which nosigpipe-attach is to arm while it waits.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "support/catch.h"
#include "support/process.h"

class Attached {
 public:
  explicit Attached(const Strings& words, Start start = {}, const std::string& file = built("tests/victims/attached"))
      : Attached(joined({file}, words), start, Ends()) {}
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;
  ~Attached() {
    close(ends_.to);
    close(ends_.from);
  }

  pid_t pid() const { return process_.pid(); }
  std::string number() const { return std::to_string(pid()); }
  Process& process() { return process_; }

  // Ends its call. What that has returned: "returned", or the error; empty where it has died before.
  std::string wake() {
    REQUIRE(write(ends_.to, "w", 1) == 1);
    return line();
  }
  // What it says next; empty at its end.
  std::string line() {
    std::string said;
    for (char c; said.empty() || said.back() != '\n'; said += c) {
      pollfd reader{ends_.from, POLLIN, 0};
      REQUIRE(poll(&reader, 1, 60'000) == 1);
      if (read(ends_.from, &c, 1) != 1) return "";
    }
    said.pop_back();
    return said;
  }
  bool is_alive_at_write() { return line() == "alive"; }
  bool is_killed_at_write() { return line() == "" && process_.wait().killed_by(SIGPIPE); }

 private:
  struct Ends {
    Ends() {
      int in[2], out[2];
      REQUIRE(pipe2(in, O_CLOEXEC) == 0);
      REQUIRE(pipe2(out, O_CLOEXEC) == 0);
      its_in = in[0], to = in[1], from = out[0], its_out = out[1];
    }
    int its_in, to, from, its_out;
  };
  Attached(const Strings& argv, Start start, Ends ends) : ends_(ends), process_(argv, with(start, ends)) {
    close(ends.its_in);
    close(ends.its_out);
    REQUIRE(line() == "ready");
  }
  static Start with(Start start, const Ends& ends) {
    start.in = ends.its_in;
    start.out = ends.its_out;
    return start;
  }

  Ends ends_;
  Process process_;
};
