// The kernel that tests run under: its version, and whether the loopback interface has IPv6.
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

inline bool has_ipv6() { return has(contents("/proc/net/if_inet6"), " lo\n"); }
