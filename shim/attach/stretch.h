// The stretch of code that a thread of another process runs: a list of calls, one after the other, and then what
// sigreturn(2) makes of the frame that it finds under it. It ends by itself, whoever has died meanwhile.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace attach {

// As the code reads it.
struct Step {
  enum Kind : std::uint64_t { system_call, function, leave };
  std::uint64_t what;  // the call's number, the function's address
  std::array<std::uint64_t, 6> arguments;
  std::uint64_t stack;
  std::uint64_t kind;
  std::uint64_t result;
};

// What `leave` takes: where the set of pending signals is; which of them would have ended the thread's own call; where
// in the frame its result and its program counter are; and that counter behind the call. With no such signal pending
// the frame says that the call is made again, else it is EINTR.
enum LeaveArgument { pending, ending, result_in_frame, counter_in_frame, behind_call };

std::string_view stretch_code();

// Where in the code a system call of the list returns to. The step that it is at is in this register: RBX.
std::size_t offset_behind_system_call();

}  // namespace attach
