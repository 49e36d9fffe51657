// Keeps other threads from forking while the process is armed or taken back. A child would have half of that for ever;
// and of the locks of glibc's loader, which we hold meanwhile, fork does not free all in it.
#pragma once

namespace late::forks {

// From glibc 2.36 on. Before, and in musl, who registers a handler waits for another thread's fork, which may wait in
// some handler for the thread that we are: there nobody is held back.
void be_told();

// As long as there is one of these. Who is in fork already gets a moment to come out.
class HeldBack {
 public:
  HeldBack();
  HeldBack(const HeldBack&) = delete;
  HeldBack& operator=(const HeldBack&) = delete;
  ~HeldBack();

  // False where somebody is in fork still.
  bool all() const { return all_; }

 private:
  bool all_;
};

}  // namespace late::forks
