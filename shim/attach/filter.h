// The seccomp filters of a thread: whether what has to be done in it is allowed there, or would be its end.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <span>

#include "attach/machine.h"

namespace attach {

// What a filter says of this call: SECCOMP_RET_ALLOW and the like, with its data. KILL where it is no valid program.
std::uint32_t verdict_of(std::span<const sock_filter> filter, const seccomp_data& call);

// Throws Refusal where one of the filters of this thread, which we trace and is stopped, would kill it for a call that
// we, the loader or the shim make, or where the kernel does not tell.
void refuse_by_filters(Machine machine, int tid);

}  // namespace attach
