#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/interrupted_call.h"

#include <cerrno>

namespace attach {
namespace {

// What the kernel has as the result of a call that a stop has interrupted: ERESTARTSYS and the like, which no program
// sees.
constexpr long kRestartSys = 512, kRestartNoIntr = 513, kRestartNoHand = 514, kRestartBlock = 516;

bool is_interrupted(long result) {
  return result == -EINTR || result == -kRestartSys || result == -kRestartNoIntr || result == -kRestartNoHand ||
         result == -kRestartBlock;
}

// ERESTARTSYS is EINTR only where the handler is without SA_RESTART: that is left to the call that is made again.
bool is_ended_by_signal(long result) {
  return result == -EINTR || result == -kRestartNoHand || result == -kRestartBlock;
}

}  // namespace

InterruptedCall interrupted_call(Machine machine, user_regs_struct registers) {
  const auto result = static_cast<long>(result_of(machine, registers.rax));
  InterruptedCall call{registers.rip, registers.rip, is_ended_by_signal(result), registers};
  if (!is_interrupted(result)) {
    call.registers.orig_rax = ~0ULL;
    return call;
  }
  if (call.is_ended_by_signal) call.registers.rax = static_cast<std::uint64_t>(-kRestartNoHand);
  call.again_at -= call_instruction(machine).size();
  return call;
}

}  // namespace attach
#endif
