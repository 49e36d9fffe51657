// A row for a place of which no table says anything, such as what an interpreter or a JIT compiler has made: by the
// code that the call returns to, where that returns in its turn, else by the frame pointer.
#pragma once

#include "unwind/cfi.h"

namespace unwind {

// False where this machine's compilers keep no frame pointer, and the code cannot be read.
bool guess(std::uintptr_t instruction, Row& row);

// Whether there is a call in front of this place: what was guessed is to be that.
bool is_returned_to(std::uintptr_t instruction);

}  // namespace unwind
