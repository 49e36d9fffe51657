// What the load writes to: sockets, files and pipes whose other end the load holds itself and empties between two
// batches of calls, outside the time that is measured.
#pragma once

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "victims/sockets.h"

struct Ends {
  int writer;
  int reader;  // -1: there is nothing to empty
};

inline void demand(bool condition, const char* what) {
  if (!condition) fail(what);
}

inline Ends tcp_ends() {
  const int room = 1 << 20;
  const int on = 1;
  const int listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  const Address address = bound_to_loopback(listener);
  must(listen(listener, 1), "listen");
  const int writer = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  setsockopt(writer, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  setsockopt(writer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connect_to(writer, address);
  const int reader = must(accept(listener, nullptr, nullptr), "accept");
  close(listener);
  return {writer, reader};
}

inline Ends unix_ends() {
  const Pair pair = unix_pair();
  const int room = 1 << 20;
  setsockopt(pair.ours, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  return {pair.ours, pair.theirs};
}

inline Ends pipe_ends() {
  int ends[2];
  demand(pipe(ends) == 0, "pipe");
  fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
  return {ends[1], ends[0]};
}

// The peer is gone, and a write has met that already.
inline Ends dead(Ends ends) {
  close(ends.reader);
  while (send(ends.writer, "x", 1, MSG_NOSIGNAL) == 1) continue;
  send(ends.writer, "x", 1, MSG_NOSIGNAL);
  return {ends.writer, -1};
}

inline void allow_all_fds() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// KIND is tcp, unix, pipe, file, null, dead-tcp or dead-unix; "unix*100" are a hundred of them, and "unix@5000" is one
// whose fd is 5000.
class Targets {
 public:
  explicit Targets(const std::string& kind) {
    const auto mark = kind.find_first_of("*@");
    const std::string base = kind.substr(0, mark);
    const int number = mark == std::string::npos ? 1 : std::atoi(kind.c_str() + mark + 1);
    const bool many = mark == std::string::npos || kind[mark] == '*';
    for (int i = 0; i < (many ? number : 1); ++i) ends_.push_back(open_one(base));
    if (!many) move_to(number);
    is_file_ = base == "file";
    is_dead_ = base.starts_with("dead-");
  }
  Targets(const Targets&) = delete;
  Targets& operator=(const Targets&) = delete;
  ~Targets() {
    for (const auto& [writer, reader] : ends_) {
      close(writer);
      if (reader >= 0) close(reader);
    }
  }

  int next() {
    if (++at_ >= ends_.size()) at_ = 0;
    return ends_[at_].writer;
  }

  bool is_dead() const { return is_dead_; }

  void empty() {
    static thread_local char sink[1 << 18];
    if (is_file_) lseek(ends_[0].writer, 0, SEEK_SET);
    for (const auto& [writer, reader] : ends_)
      while (reader >= 0 && recv_some(reader, sink, sizeof sink) > 0) continue;
  }

 private:
  static ssize_t recv_some(int fd, char* sink, size_t size) {
    const ssize_t received = recv(fd, sink, size, MSG_DONTWAIT);
    if (received >= 0 || errno != ENOTSOCK) return received;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return read(fd, sink, size);
  }

  static Ends open_one(const std::string& kind) {
    if (kind == "tcp") return tcp_ends();
    if (kind == "unix") return unix_ends();
    if (kind == "pipe") return pipe_ends();
    if (kind == "dead-tcp") return dead(tcp_ends());
    if (kind == "dead-unix") return dead(unix_ends());
    if (kind == "null") return {open("/dev/null", O_WRONLY), -1};
    demand(kind == "file", "kind");
    return {open(".", O_TMPFILE | O_WRONLY, 0600), -1};
  }

  // Beyond the limit of the machine, where libfarfd.so knows it by its last three digits.
  void move_to(int number) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const int within = static_cast<rlim_t>(number) < limit.rlim_max ? number : number % 1000;
    demand(dup2(ends_[0].writer, within) == within, "dup2");
    close(std::exchange(ends_[0].writer, number));
  }

  std::vector<Ends> ends_;
  size_t at_ = 0;
  bool is_file_ = false;
  bool is_dead_ = false;
};
