// The machine this is compiled for. Each file here gives the same names in namespace arch: the system call, the layout
// of stat, the registers of an interrupted system call, and the registers as DWARF numbers them. Another machine is one
// more file and one more line.
#pragma once

#if defined(__x86_64__)
#include "system/arch/x86_64.h"
#elif defined(__i386__)
#include "system/arch/i386.h"
#elif defined(__aarch64__)
#include "system/arch/aarch64.h"
#elif defined(__riscv) && __riscv_xlen == 64
#include "system/arch/riscv64.h"
#elif defined(__arm__) && defined(__ARM_EABI__)
#include "system/arch/arm.h"
#elif defined(__s390x__)
#include "system/arch/s390x.h"
#elif defined(__powerpc64__) && _CALL_ELF == 2 && defined(__LITTLE_ENDIAN__)
#include "system/arch/ppc64le.h"
#else
#error "nosigpipe does not know this machine; shim/DESIGN.md says how to add it"
#endif
