// A datagram socket that stands where syslog or journald listen.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "support/catch.h"

class LogSocket {
 public:
  explicit LogSocket(const std::string& path) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof name.sun_path);
    strcpy(name.sun_path, path.c_str());
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
  }
  LogSocket(const LogSocket&) = delete;
  LogSocket& operator=(const LogSocket&) = delete;
  ~LogSocket() { close(fd_); }

  // The next datagram; empty where there is none.
  std::string next() const {
    std::string datagram(65536, '\0');
    const ssize_t length = recv(fd_, datagram.data(), datagram.size(), MSG_DONTWAIT);
    datagram.resize(length < 0 ? 0 : static_cast<size_t>(length));
    return datagram;
  }

 private:
  int fd_;
};
