// The system call that a stop has interrupted, as the registers of its thread show it: where it ends, where it is made
// again, and what lets the kernel decide between the two.
#pragma once

#include <sys/user.h>

#include <cstdint>

#include "attach/machine.h"

namespace attach {

struct InterruptedCall {
  std::uint64_t behind;     // its instruction
  std::uint64_t again_at;   // before that instruction; or behind it, where it has ended
  bool is_ended_by_signal;  // by each that has a handler: no SA_RESTART keeps it from EINTR
  // With which the kernel makes it again when the thread goes on, or lets a signal end it.
  user_regs_struct registers;
};

// Of a thread that is stopped behind the instruction of a call.
InterruptedCall interrupted_call(Machine machine, user_regs_struct registers);

}  // namespace attach
