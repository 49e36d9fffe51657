// Writes that are never in the program's way: none blocks, none raises a signal, each is one system call.
#pragma once

#include <string_view>

#include "system/kernel.h"

namespace nonblocking {

// No signal comes to this thread as long as this lives: neither what our write raises, nor a handler of the program
// that would find us half-way.
class SignalsBlocked {
 public:
  SignalsBlocked() : before_(kernel::change_mask(SIG_BLOCK, ~kernel::Signals{0})) {}
  ~SignalsBlocked() { kernel::change_mask(SIG_SETMASK, before_); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  kernel::Signals before_;
};

// To be called with SignalsBlocked. Returns what write(2) does, or -errno: -EAGAIN where it would have blocked, -EBADF
// where there is no fd.
long write(int fd, std::string_view bytes);

}  // namespace nonblocking
