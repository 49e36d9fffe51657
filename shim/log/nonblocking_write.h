// Writes that are never in the program's way: none blocks, none raises a signal, each is one system call.
#pragma once

#include <string_view>

#include "system/kept_file.h"

namespace nonblocking {

// To be called with SignalsBlocked. Returns what write(2) does, or -errno: -EAGAIN where it would have blocked, -EBADF
// where the fd is no more ours. Ours may be a file description that the program shares, or one that never blocks.
// `blocked` are the signals that were blocked before these: no other was pending then.
enum class Description { shared, never_blocks };
long write(const KeptFile& to, std::string_view bytes, Description description, kernel::Signals blocked);

}  // namespace nonblocking
