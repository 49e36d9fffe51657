// What stands in the kernel for SIGPIPE when we come and when we go.
#pragma once

namespace late::sigpipe {

// As the kernel has it, or the program would be told.
bool is_ignored();
bool has_handler();

// Ours is put there, in the place of SIG_DFL and of a handler that needs a stub, as when the program sets it itself.
// False where a filter refuses that.
bool put_ours();

// What the program would be told stands there itself: where it has set nothing meanwhile, as it was to the bit.
void take_ours_back();

}  // namespace late::sigpipe
