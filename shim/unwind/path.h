// The way that has led to a write, kept so that it is recognised when it is gone again: by the return addresses, each
// where it stood on the stack.
#pragma once

#include "unwind/modules.h"
#include "unwind/unwind.h"

namespace stack {

// The frames from the innermost on: libc's and our own, by which others are found, and the program's, its callers.
struct Path {
  static constexpr unsigned kMost = 48;
  static constexpr Modules::Number kOwn = 0xffff;  // libc, or we
  static constexpr std::uint32_t kNone = ~std::uint32_t{0}, kInRegister = kNone - 1;

  // Whether the stack of a thread that is where this begins is the same from here on, in all that was gone by. Reads
  // nothing that may not be there; of the first page only `is_ours` says that it is.
  bool leads_from(const unwind::Frame& here, bool is_ours, Modules& all) const;

  bool has_same_callers(const Path& other) const;
  unsigned next_caller(unsigned frame) const {  // from this frame on; `count`: none
    while (frame < count && modules[frame] == kOwn) ++frame;
    return frame;
  }
  bool add(const unwind::Frame& frame, std::uintptr_t begin, Modules::Number module);

  // The caller of the frame that was added last is found so.
  void leads_on_by(const unwind::Row& row, const unwind::Frame& frame, std::uintptr_t begin);

  // Where things are is counted from the stack pointer of the first frame on.
  std::uintptr_t returns_to[kMost];
  std::uint32_t slots[kMost];  // where that stands
  struct {
    std::uint32_t value, at;
  } pointers[kMost];  // the frame pointer by which the next is found, and where that is: kNone, kInRegister
  Modules::Number modules[kMost];
  unsigned count;
  bool is_followed;  // else it is one place alone, of which the callers are not known
  bool is_recognisable;
};

}  // namespace stack
