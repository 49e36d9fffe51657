// The kernel that tests run under.
#pragma once

#include <sys/utsname.h>

#include <cstdio>
#include <utility>

inline bool is_kernel_before(int major, int minor) {
  utsname name;
  uname(&name);
  int version[2]{};
  std::sscanf(name.release, "%d.%d", &version[0], &version[1]);
  return std::pair(version[0], version[1]) < std::pair(major, minor);
}
