// What a line is put together from and in: too much for a thread's stack, and taken for one line at a time.
#pragma once

#include <atomic>

#include "log/fields.h"
#include "log/log.h"

namespace sheet {

struct Sheet {
  std::atomic<bool> taken;
  Facts facts;
  logging::Room room;
};

// As many as threads can be at it at a time, and one for the end.
inline constexpr unsigned kMost = 8;
struct alignas(4096) Pile {
  Sheet sheets[kMost + 1];
};
inline constinit Pile pile = {};
inline Sheet& of_the_end() { return pile.sheets[kMost]; }

// One of them, for as long as this lives; none if all are in use. To be taken with all signals blocked.
class Taken {
 public:
  Taken() {
    for (unsigned i = 0; i < kMost && sheet_ == nullptr; ++i) take(pile.sheets[i]);
  }
  explicit Taken(Sheet& sheet) { take(sheet); }
  ~Taken() {
    if (sheet_ != nullptr) sheet_->taken.store(false);
  }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  Sheet* operator->() const { return sheet_; }
  explicit operator bool() const { return sheet_ != nullptr; }

 private:
  void take(Sheet& sheet) {
    if (!sheet.taken.exchange(true)) sheet_ = &sheet;
  }

  Sheet* sheet_ = nullptr;
};

}  // namespace sheet
