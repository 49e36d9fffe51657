// Writes that are never in the program's way: none blocks, none raises a signal, each is one system call.
#pragma once

#include <string_view>

#include "system/kept_file.h"

namespace nonblocking {

// No signal comes to this thread as long as this lives: neither what our write raises, nor a handler of the program
// that would find us half-way.
class SignalsBlocked {
 public:
  SignalsBlocked() : before_(kernel::change_mask(SIG_BLOCK, ~kernel::Signals{0})) {}
  ~SignalsBlocked() { kernel::change_mask(SIG_SETMASK, before_); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  kernel::Signals before() const { return before_; }

 private:
  kernel::Signals before_;
};

// To be called with SignalsBlocked. Returns what write(2) does, or -errno: -EAGAIN where it would have blocked, -EBADF
// where the fd is no more ours. Ours may be a file description that the program shares, or one that never blocks.
// `blocked` are the signals that were blocked before these: no other was pending then.
enum class Description { shared, never_blocks };
long write(const KeptFile& to, std::string_view bytes, Description description, kernel::Signals blocked);

}  // namespace nonblocking
