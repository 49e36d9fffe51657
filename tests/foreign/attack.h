// Clients that leave a server in the middle of its answer, in the ways of closed tabs, scanners and broken networks.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "support/ports.h"
#include "support/process.h"

// A TCP connection to 127.0.0.1. Nothing here fails aloud: against a server that has just died, less is read.
class Client {
 public:
  enum class Width { wide, narrow };

  // The buffers of both ends together hold some ten megabytes of an answer, of a narrow connection some 32 KiB: there a
  // server is never done before its client has left.
  explicit Client(int port, Width width = Width::wide) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{60, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (width == Width::narrow) {
      set(IPPROTO_TCP, TCP_MAXSEG, 536);
      set(SOL_SOCKET, SO_RCVBUF, 2048);
    }
    const sockaddr_in address = loopback(port);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  Client& operator=(Client&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(connected_, other.connected_);
    return *this;
  }
  ~Client() {
    if (fd_ >= 0) close(fd_);
  }

  bool connected() const { return connected_; }

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }

  // Exactly this many bytes; fewer if the server ends, or says nothing for a minute.
  std::string read(size_t count) const {
    std::string bytes;
    char buffer[65536];
    while (bytes.size() < count) {
      const ssize_t n = recv(fd_, buffer, std::min(sizeof buffer, count - bytes.size()), 0);
      if (n <= 0) break;
      bytes.append(buffer, static_cast<size_t>(n));
    }
    return bytes;
  }
  std::string read_all() const { return read(SIZE_MAX); }

  // Up to and including `end`.
  std::string read_until(std::string_view end) const {
    std::string bytes;
    while (!bytes.ends_with(end)) {
      const std::string byte = read(1);
      if (byte.empty()) break;
      bytes += byte;
    }
    return bytes;
  }

  void wait_for_data() const {
    pollfd readable{fd_, POLLIN, 0};
    poll(&readable, 1, 1000);
  }

  // Returns when the server is stuck: our small buffer is full and no more of the answer arrives.
  void stall() const {
    set(SOL_SOCKET, SO_RCVBUF, 2048);
    wait_for_data();
    for (int before = -1, now = 0; before != now; nap()) {
      before = now;
      ioctl(fd_, FIONREAD, &now);
    }
  }

  void finish() const { shutdown(fd_, SHUT_WR); }  // sends FIN

  void reset() {  // sends RST, whatever is still in the buffers
    const linger none{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(std::exchange(fd_, -1));
  }

 private:
  void set(int level, int option, int value) const { setsockopt(fd_, level, option, &value, sizeof value); }

  int fd_;
  bool connected_ = false;
};

enum class Departure { reset_at_once, reset_after_1k, unread, pipelined, stalled };
inline constexpr std::array departures{Departure::unread, Departure::stalled, Departure::pipelined,
                                       Departure::reset_after_1k, Departure::reset_at_once};

// A RST that comes alone makes the server's next write fail with ECONNRESET, which kills nobody. After a FIN it is
// EPIPE, which does: hence the FIN before the RST in `unread` and `stalled`, and many answers to come in `pipelined`.
inline void abandon(Client client, std::string_view request, Departure how, size_t heard = 0) {
  switch (how) {
    case Departure::reset_at_once:
      client.send(request);
      client.reset();
      break;
    case Departure::reset_after_1k:
      client.send(request);
      client.read(1024);
      client.reset();
      break;
    case Departure::unread:
      client.send(request);
      client.read(heard);
      client.wait_for_data();
      client.finish();
      client.reset();
      break;
    case Departure::pipelined:
      for (int i = 0; i < 16; ++i) client.send(request);
      break;  // the destructor closes: FIN, and RST to what still comes
    case Departure::stalled:
      client.send(request);
      client.stall();
      client.finish();
      client.reset();
      break;
  }
}
