// The kernel that tests run under: its version, IPv6 on the loopback interface, a filter before it.
#pragma once

#include <sys/utsname.h>

#include <cstdio>
#include <utility>

#include "support/directory.h"

inline bool is_kernel_before(int major, int minor) {
  utsname name;
  uname(&name);
  int version[2]{};
  std::sscanf(name.release, "%d.%d", &version[0], &version[1]);
  return std::pair(version[0], version[1]) < std::pair(major, minor);
}

// In a container's filter, say: a write is not made as a send then, since the filter may answer that otherwise.
inline bool is_in_seccomp() { return !has(contents("/proc/self/status"), "Seccomp:\t0\n"); }

inline bool has_ipv6() { return has(contents("/proc/net/if_inet6"), " lo\n"); }
