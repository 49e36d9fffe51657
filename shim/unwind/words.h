// The words of a thread's stack, from a function's stack pointer up. Where it ends nobody knows for certain (a
// coroutine's may be any memory), so that each page is asked for before anything is loaded from it.
#pragma once

#include <cstring>

#include "system/kernel.h"
#include "unwind/copy.h"

namespace unwind {

class Stack {
 public:
  explicit Stack(std::uintptr_t pointer) : begin_(pointer), there_(pointer & ~(kPage - 1)) {}

  // False where there is none at this address.
  bool load(std::uintptr_t address, std::uintptr_t& word) {
    if (address < begin_ || address - begin_ > kFarthest) return false;
    if (address < there_ && there_ - address >= sizeof word) {
      memcpy(&word, reinterpret_cast<const void*>(address), sizeof word);
      return true;
    }
    // What stands apart may be no stack.
    const auto page = address & ~(kPage - 1);
    if (page != there_ || !is_there(page)) return copy(&word, address, sizeof word);
    there_ += kPage;
    return load(address, word);
  }

 private:
  static constexpr std::uintptr_t kPage = kernel::kPage, kFarthest = 64 << 20;
  std::uintptr_t begin_, there_;  // what is between can be loaded
};

}  // namespace unwind
