// Other programs, started without a shell.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace report {

// A descriptor, closed with its owner.
class Fd {
 public:
  explicit Fd(int number = -1) : number_(number) {}
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Fd();
  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  void reset() { *this = Fd(); }

 private:
  int number_;
};

// A program under way whose output we read. It is killed with its owner.
class Child {
 public:
  // Its standard input is `in`, its descriptor 3, where there is one, is `extra`. It has no environment but PATH and
  // the C locale: no library is preloaded into it, and it asks no server for debug files.
  Child(const std::vector<std::string>& argv, int in, int extra = -1);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  bool started() const { return pid_ > 0; }
  int out() const { return out_.get(); }
  bool succeeded();  // waits for its end

  // What it writes until its end, or what has come until the time or the room is used up.
  std::string output(std::chrono::milliseconds limit, std::size_t most);

 private:
  pid_t pid_ = -1;
  Fd out_;
};

}  // namespace report
