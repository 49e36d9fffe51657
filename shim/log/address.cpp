#include "log/address.h"

#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

namespace address {
namespace {

unsigned port_of(const std::uint8_t (&network_order)[2]) { return network_order[0] * 256U + network_order[1]; }

template <class Address>
Address as(const sockaddr_storage& address) {
  Address other{};
  memcpy(&other, &address, sizeof other);
  return other;
}

template <class Value>
void copy(std::uint8_t* to, const Value& from) {
  memcpy(to, &from, sizeof from);
}

void add_ipv4(text::Line& line, const std::uint8_t* bytes) {
  for (int i = 0; i < 4; ++i) line << (i == 0 ? "" : ".") << bytes[i];
}

struct Run {
  unsigned begin = 8;
  unsigned length = 1;  // a single group of zeros is written out (RFC 5952)
};

Run longest_run_of_zeros(const unsigned (&groups)[8]) {
  Run longest;
  for (unsigned begin = 0; begin < 8; ++begin) {
    unsigned end = begin;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - begin > longest.length) longest = {begin, end - begin};
  }
  return longest;
}

void add_ipv6(text::Line& line, const std::uint8_t (&bytes)[16]) {
  unsigned groups[8];
  for (unsigned i = 0; i < 8; ++i) groups[i] = bytes[2 * i] * 256U + bytes[2 * i + 1];
  const auto [zeros, length] = longest_run_of_zeros(groups);
  if (zeros == 0 && length == 5 && groups[5] == 0xffff) {  // an IPv4 peer of an IPv6 socket
    line << "::ffff:";
    return add_ipv4(line, bytes + 12);
  }
  for (unsigned i = 0; i < 8; ++i) {
    if (i == zeros) {
      line << "::";
      i += length - 1;
    } else {
      (line << (i == 0 || i == zeros + length ? "" : ":")).hex(groups[i]);
    }
  }
}

// An abstract name begins with a NUL and may hold more; they are written as in /proc/net/unix.
void add_unix(text::Line& line, const sockaddr_un& name, std::size_t length) {
  if (length > sizeof name.sun_path) length = sizeof name.sun_path;  // the kernel counts a NUL behind a full one
  std::string_view path(name.sun_path, length);
  if (!path.empty() && path[0] != '\0') path = text::part(path, 0, path.find('\0'));
  for (const char c : path) line << std::string_view(c != '\0' ? &c : "@", 1);
}

}  // namespace

void add(text::Line& line, const sockaddr_storage& address, socklen_t length) {
  std::uint8_t port[2];
  if (address.ss_family == AF_INET && length >= sizeof(sockaddr_in)) {
    const auto inet = as<sockaddr_in>(address);
    std::uint8_t bytes[4];
    copy(bytes, inet.sin_addr);
    copy(port, inet.sin_port);
    add_ipv4(line, bytes);
    line << ":" << port_of(port);
  } else if (address.ss_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    const auto inet6 = as<sockaddr_in6>(address);
    std::uint8_t bytes[16];
    copy(bytes, inet6.sin6_addr);
    copy(port, inet6.sin6_port);
    line << "[";
    add_ipv6(line, bytes);
    line << "]:" << port_of(port);
  } else if (address.ss_family == AF_UNIX && length > offsetof(sockaddr_un, sun_path)) {
    add_unix(line, as<sockaddr_un>(address), length - offsetof(sockaddr_un, sun_path));
  }
}

}  // namespace address
