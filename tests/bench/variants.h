// The ways in which a program is run, to be compared, and a load that is run in one of them.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/process.h"

struct Variant {
  std::string name;
  Strings wrapper;  // before the program's own argv
  Start start;

  Strings wrapped(const Strings& argv) const { return joined(wrapper, argv); }
};

inline Variant bare() { return {"bare", {}, {}}; }

inline Variant ignored() { return {"env(1)", {"env", "--ignore-signal=PIPE"}, {}}; }

inline Variant shim(const std::string& name = "shim", const Strings& env = {}) { return {name, {}, with_shim(env)}; }

inline Variant guarded_by(const std::string& guard) { return shim("guard=" + guard, {"NOSIGPIPE_GUARD=" + guard}); }

// Armed while it runs, as nosigpipe-attach does it.
inline Variant attached() {
  Variant variant{"attached", {}, {}};
  variant.start.env = {"LD_PRELOAD=" + built("tests/bench/liblate.so"),
                       "LATE_LIBRARY=" + built("libnosigpipe-attach.so")};
  return variant;
}

inline Variant textbook() {
  Variant variant{"textbook", {}, {}};
  variant.start.env = {"LD_PRELOAD=" + built("tests/bench/libtextbook.so")};
  return variant;
}

// What no shim gets below: SIGPIPE is ignored, and a library adds the flag to write and send.
inline Variant flag_only() {
  Variant variant{"flag only", ignored().wrapper, {}};
  variant.start.env = {"LD_PRELOAD=" + built("tests/bench/libflagonly.so")};
  return variant;
}

// What no library gets below that is there at all: there is nothing in it. Linked as the shim is.
inline Variant empty_library() {
  Variant variant{"empty library", {}, {}};
  variant.start.env = {"LD_PRELOAD=" + built("tests/bench/libempty.so")};
  return variant;
}

// Where fds may be higher than the machine has them.
inline Variant far(Variant variant) {
  const std::string shim = variant.start.shim ? built("libnosigpipe.so") + ":" : "";
  variant.start.shim = false;
  variant.start.env.push_back("LD_PRELOAD=" + shim + built("tests/bench/libfarfd.so"));
  return variant;
}

// A running bench/load.
class Load {
 public:
  explicit Load(const Variant& variant) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("socketpair");
    Start start = variant.start;
    start.in = ends[1];
    start.out = ends[1];
    start.err = 2;
    process_ = std::make_unique<Process>(variant.wrapped({built("tests/bench/load")}), start);
    close(ends[1]);
    ours_ = ends[0];
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load() { close(ours_); }

  pid_t pid() const { return process_->pid(); }

  void order(const std::string& words) const {
    const std::string line = words + "\n";
    if (send(ours_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
      throw std::runtime_error("the load has ended before: " + words);
  }

  double answer() const {
    std::string text;
    for (char c; text.empty() || text.back() != '\n'; text += c)
      if (read(ours_, &c, 1) != 1) throw std::runtime_error("the load has ended: " + process_->wait().text());
    return std::stod(text);
  }

  // No more orders.
  void end() {
    shutdown(ours_, SHUT_WR);
    process_->wait();
  }

  double ask(const std::string& words) const {
    order(words);
    return answer();
  }

 private:
  std::unique_ptr<Process> process_;
  int ours_ = -1;
};
