// The memory a line is put together in: too much for a thread's stack, and leased for one line at a time.
#pragma once

#include <atomic>

#include "log/fields.h"
#include "log/log.h"

namespace scratch {

struct Scratch {
  std::atomic<int> taken;  // not a bool: on riscv64 gcc takes libatomic to exchange a byte
  Fields fields;
  logging::Room room;
};

// As many as threads can write a line at a time, and one for the totals at the end.
inline constexpr unsigned kMost = 8;
struct Pool {
  Scratch all[kMost + 1];
};

// Of a process that has a log; see log/memory.h.
inline constinit Pool* pool = nullptr;
inline Scratch& of_totals() { return pool->all[kMost]; }

// In a child of fork, where the kernel has not emptied it: the threads that had leased some are not there.
inline void take_all_back() {
  for (auto& scratch : pool->all) scratch.taken.store(0);
}

// One of them, for as long as this lives; none if all are in use. To be made with all signals blocked: a handler that
// interrupts its owner would wait for ever, if it waited.
class Lease {
 public:
  Lease() {
    for (unsigned i = 0; i < kMost && scratch_ == nullptr; ++i) take(pool->all[i]);
  }
  explicit Lease(Scratch& scratch) { take(scratch); }
  ~Lease() {
    if (scratch_ != nullptr) scratch_->taken.store(0);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Scratch* operator->() const { return scratch_; }
  explicit operator bool() const { return scratch_ != nullptr; }

 private:
  void take(Scratch& scratch) {
    if (scratch.taken.exchange(1) == 0) scratch_ = &scratch;
  }

  Scratch* scratch_ = nullptr;
};

}  // namespace scratch
