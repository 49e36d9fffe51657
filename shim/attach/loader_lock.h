// Whether glibc's loader is at work in a thread of the target: another that calls it waits until that is over.
#pragma once

#include <cstdint>
#include <string>

#include "attach/target.h"

namespace attach {

// Who holds a lock of the loader's, as a reason not to call it now; empty where nobody does, or nobody can tell.
// `global` is the address of _rtld_global; 0: there is none, as in musl.
std::string why_loader_is_busy(const Target& target, std::uint64_t global);

}  // namespace attach
