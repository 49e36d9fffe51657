// The modules that stacks have led through, each as it was when it was met: to name it then takes no look at
// /proc/self/maps, nor at its memory, which may be gone.
#pragma once

#include <atomic>
#include <cstddef>

#include "system/text.h"
#include "unwind/cfi.h"
#include "unwind/maps.h"

// All members may be used from any thread and in a signal handler.
class Modules {
 public:
  using Number = std::uint16_t;  // 0: none
  struct Met {
    Module mapped;
    std::uintptr_t base = 0;  // what a symbol's address is counted from; 0: that is not known
    unwind::Object object;
    // Read in it: the build ID, or else a part of the file's header.
    std::uintptr_t sign_at = 0;
    unsigned sign_size = 0;
    bool has_build_id = false;
    unsigned char sign[40] = {};
  };
  struct Remembered : Met {
    bool stays = false;
    Number before = 0;             // the one that was entered before it
    std::atomic<int> is_gone = 0;  // something else is there now
  };

  // The number of the module around this address, where it is one of those that are still there.
  Number around(std::uintptr_t address);

  // 0 where there is no room for more, or it is there no more.
  Number remember(const Module& module);

  // Whether it is still the one that was met: another may have its place after a dlclose.
  bool is_there(Number number);

  const Remembered& at(Number number) const { return list_[number]; }

 private:
  static constexpr unsigned kMost = 256;
  Number newest() const { return static_cast<Number>(newest_.load()); }
  Number filled(const Met& now);

  Remembered list_[kMost] = {};
  std::atomic<unsigned> count_ = 0;   // of those that are taken; it may go beyond the end
  std::atomic<unsigned> spare_ = 0;   // taken, but another thread had entered the same
  std::atomic<unsigned> newest_ = 0;  // no Number: of less than a word gcc makes an exchange by libatomic on riscv64
  text::Kept<65536> paths_;
};
