// The stretch of code that a thread of another process runs: a list of calls, one after the other, and then what
// sigreturn(2) makes of the frame that it finds under it. It ends by itself, whoever has died meanwhile.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "attach/machine.h"
#include "attach/target.h"
#include "attach/traced_thread.h"

namespace attach {

// The code reads it as kStepWords words of its machine's, in this order.
struct Step {
  enum Kind : std::uint64_t { system_call, function, leave };
  std::uint64_t what;  // the call's number, the function's address
  std::array<std::uint64_t, 6> arguments;
  std::uint64_t stack;
  std::uint64_t kind;
  std::uint64_t result;
};
constexpr std::size_t kStepWords = sizeof(Step) / sizeof(std::uint64_t);

// What `leave` takes: where the set of pending signals is, and behind it which of them would have ended the thread's
// own call; where in the frame its result and its program counter are; and that counter behind the call. With no such
// signal pending the frame says that the call is made again, else it is EINTR.
enum LeaveArgument { pending_and_ending, result_in_frame, counter_in_frame, behind_call };

// Where it is in the process from now on; it begins with the address of a step in RBX, or EBX. It is put into the end
// of the last page of what is executed, where nothing is: first that of the vDSO, which every process has. It stays
// there: another thread may be on its way through it, for somebody who has died. Throws Refusal where there is no room.
std::uint64_t place_stretch(const Target& target, TracedThread& thread, Machine machine, std::vector<Mapping> mappings);

// Where in the code a system call of the list returns to. Its first argument is still in its register then.
std::size_t offset_behind_system_call(Machine machine);

}  // namespace attach
