// Ports of 127.0.0.1: one to listen on, and whether somebody does.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>

#include "support/directory.h"

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Below the ports that connections get: none is taken from under the server before it listens.
inline int free_port() {
  std::random_device random;
  for (;;) {
    const int port = 10000 + static_cast<int>(random() % 20000);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    if (free) return port;
  }
}

// Looks without connecting: some servers fork, or end, for every connection.
inline bool listening(int port) {
  char pattern[32];
  snprintf(pattern, sizeof pattern, ":%04X 00000000:0000 0A", static_cast<unsigned>(port));
  return contents("/proc/net/tcp").find(pattern) != std::string::npos;
}
