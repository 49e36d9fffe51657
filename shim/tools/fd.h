// A descriptor that is closed with its owner.
#pragma once

#include <string>
#include <utility>

namespace tools {

class Fd {
 public:
  // Owns this descriptor from now on; -1 is none.
  explicit Fd(int number = -1) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Fd();
  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

// Opens a file to be read, with these flags of open(2) besides; "-" is a duplicate of the standard input. None, and
// errno, where that fails. Waits for a writer where the name is a FIFO's, unless O_NONBLOCK is among the flags.
Fd open_to_read(const std::string& name, int flags = 0);

}  // namespace tools
