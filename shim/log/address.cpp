#include "log/address.h"

#include <cstddef>

namespace address {
namespace {

// The network's order is the highest byte first.
unsigned two_bytes(const void* at) {
  const auto* bytes = static_cast<const unsigned char*>(at);
  return bytes[0] * 256U + bytes[1];
}

void add_ipv4(text::Line& line, const void* at) {
  const auto* bytes = static_cast<const unsigned char*>(at);
  for (unsigned i = 0; i < 4; ++i) line << (i == 0 ? "" : ".") << bytes[i];
}

// RFC 5952: the longest run of zeros is written as "::", but a single group of zeros as it is.
void add_ipv6(text::Line& line, const in6_addr& address) {
  const auto group = [&](std::size_t i) { return two_bytes(address.s6_addr + 2 * i); };
  unsigned begin = 8;
  unsigned end = 8;
  for (unsigned from = 0; from < 8; ++from) {
    unsigned to = from;
    while (to < 8 && group(to) == 0) ++to;
    if (to - from < 2 || to - from <= end - begin) continue;
    begin = from;
    end = to;
  }
  if (begin == 0 && end == 5 && group(5) == 0xffff) {  // an IPv4 peer of an IPv6 socket
    line << "::ffff:";
    return add_ipv4(line, address.s6_addr + 12);
  }
  for (unsigned i = 0; i < 8; ++i) {
    if (i < begin || i >= end)
      (line << (i == 0 || i == end ? "" : ":")).hex(group(i));
    else if (i == begin)
      line << "::";
  }
}

// An abstract name begins with a NUL and may hold more; they are written as in /proc/net/unix.
void add_unix(text::Line& line, const sockaddr_un& address, std::size_t length) {
  constexpr auto kMost = sizeof address.sun_path;  // the kernel counts a NUL behind a full one
  std::string_view name(address.sun_path, length < kMost ? length : kMost);
  if (name.front() != '\0') name = text::part(name, 0, name.find('\0'));
  for (const char& c : name) line << std::string_view(c != '\0' ? &c : "@", 1);
}

}  // namespace

void add(text::Line& line, const Address& address) {
  constexpr auto kNoName = offsetof(sockaddr_un, sun_path);
  if (address.length <= kNoName) return;
  if (address.any.sa_family == AF_INET) {
    add_ipv4(line, &address.inet.sin_addr);
    line << ":" << two_bytes(&address.inet.sin_port);
  } else if (address.any.sa_family == AF_INET6) {
    line << "[";
    add_ipv6(line, address.inet6.sin6_addr);
    line << "]:" << two_bytes(&address.inet6.sin6_port);
  } else if (address.any.sa_family == AF_UNIX) {
    add_unix(line, address.local, address.length - kNoName);
  }
}

}  // namespace address
