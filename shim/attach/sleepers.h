// The threads of a process that sleep in a system call in which libc holds no lock: those that may be taken.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attach/machine.h"
#include "attach/target.h"

namespace attach {

struct Sleeper {
  int tid;
  long number;  // of the call
  std::uint64_t stack, counter;
};

// As they are at this moment, without stopping any; those first whose call the kernel itself goes on with when they are
// stopped.
std::vector<Sleeper> find_sleepers(const Target& target, Machine machine);

// Whether libc holds no lock in this call, so that the loader can be called from there.
bool may_be_taken_in(std::optional<Call> call);

// Whether a signal frame stands on the stack from there up, but for one that was put there in such a call: what a
// handler has interrupted may hold any lock. One that a handler has returned from and that nothing has been written
// over counts.
bool is_in_handler(const Target& target, Machine machine, const std::vector<Mapping>& mappings, std::uint64_t stack,
                   bool locks_matter);

}  // namespace attach
