// The time by one of the kernel's clocks: by the kernel's own function in each process, the vDSO, which is no system
// call (vdso(7)), or by the system call where there is none. No library stands in between. Safe in a signal handler.
#pragma once

#include <time.h>

namespace kernel {

timespec clock(clockid_t which);

}  // namespace kernel
