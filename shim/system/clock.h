// The time by one of the kernel's clocks: by the kernel's own function in each process, the vDSO, which is no system
// call (vdso(7)), or by the system call where there is none. No library stands in between. Safe in a signal handler.
#pragma once

#include <time.h>

namespace kernel {

timespec clock(clockid_t which);

// The same without the vDSO: who asks once in its life has touched none of its pages, which is more than the system
// call.
timespec clock_by_call(clockid_t which);

// Of every clock but the coarse ones the vDSO reads the processor's counter, and a thread may have asked for SIGSEGV
// where it does (PR_SET_TSC): from then on the time comes by the system call.
void before_prctl(long option, unsigned long how);

}  // namespace kernel
