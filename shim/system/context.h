// What a signal handler can read of the system call that its signal interrupted.
#pragma once

#include "system/arch/machine.h"

namespace context {

using arch::Interrupted;
using arch::kUnknown;

// `context` is a handler's third argument. Reads registers and code only: safe in a signal handler.
inline Interrupted read(const void* context) { return arch::interrupted(context); }

}  // namespace context
