#include "system/arch/machine.h"

asm(".text\n" ARCH_SYSCALL);
