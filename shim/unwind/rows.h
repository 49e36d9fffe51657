// The rows of the places that were met before: a stack is most often one that was, and then nothing of its objects is
// read, and no system call made.
#pragma once

#include "unwind/cfi.h"
#include "unwind/remembered.h"

namespace unwind::rows {

// False where it is not remembered. Both are safe in a signal handler, and in threads at once.
bool recall(const Key& key, Row& row);

// Not where its rules are not all of the simple kind: the frame's address is in a register but for an offset, and what
// is kept for the caller is kept from there.
void remember(const Key& key, const Row& row);

}  // namespace unwind::rows
