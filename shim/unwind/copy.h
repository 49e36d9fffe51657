// Memory that may not be there, or not for long: another thread may unload the library that it is of, a frame pointer
// may be none. The kernel copies it, or says that it cannot; a load would be a fault, and the end of the process.
#pragma once

#include <cstddef>
#include <cstdint>

namespace unwind {

// False where not all of it can be read. Safe in a signal handler; a system call.
bool copy(void* to, std::uintptr_t from, std::size_t size);

// Whether the page of this address can be read: of memory that nobody unmaps meanwhile, such as the thread's own stack.
bool is_there(std::uintptr_t address);

// Whether a seccomp filter is there, or may be: then memory is asked for by no call that it may kill for.
void copy_in_filter(bool is_there);

}  // namespace unwind
