// A range of memory, and what is written in it read one after the other; the memory may be damaged, and need not be
// there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "unwind/copy.h"

namespace unwind {

struct Range {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool holds(std::uintptr_t address, std::size_t size = 1) const {
    return begin != 0 && address >= begin && address < end && end - address >= size;
  }
};

// Reads up to the end of a range, some bytes at a time. What would go beyond it, or is not there, is 0, and so is
// everything from then on: failed().
class Reader {
 public:
  Reader(std::uintptr_t at, Range range) : at_(at), end_(range.end), failed_(!range.holds(at)) {}

  std::uintptr_t at() const { return at_; }
  bool failed() const { return failed_; }
  bool goes_on() const { return !failed_ && at_ < end_; }

  template <class Value>
  Value take() {
    static_assert(sizeof(Value) <= kAtOnce);
    Value value{};
    failed_ = failed_ || end_ - at_ < sizeof value || (left_ < sizeof value && !fetch(sizeof value));
    if (failed_) return value;
    memcpy(&value, bytes_ + (copied_ - left_), sizeof value);
    skip(sizeof value);
    return value;
  }

  // LEB128: seven bits a byte, the lowest first (DWARF 5, section 7.6).
  std::uintptr_t unsigned_leb() { return leb(0); }
  std::uintptr_t signed_leb() { return leb(0x40); }  // in two's complement

  void skip(std::uintptr_t size) {
    failed_ = failed_ || end_ - at_ < size;
    if (failed_) return;
    at_ += size;
    left_ -= std::min<std::uintptr_t>(left_, size);
  }

  // A reader of the next bytes alone, which are skipped here.
  Reader part(std::uintptr_t size) {
    Reader inner = *this;
    skip(size);
    inner.end_ = at_;
    inner.failed_ = failed_;
    return inner;
  }

 private:
  // Some bytes from here on; false where not as many as are needed are there.
  bool fetch(std::size_t needed) {
    copied_ = std::min<std::uintptr_t>(kAtOnce, end_ - at_);
    if (!copy(bytes_, at_, copied_) && !copy(bytes_, at_, copied_ = needed)) copied_ = 0;
    left_ = copied_;
    return left_ != 0;
  }

  std::uintptr_t leb(unsigned sign_bit) {
    std::uintptr_t value = 0;
    unsigned shift = 0;
    std::uint8_t byte = 0x80;
    for (; (byte & 0x80) != 0 && !failed_; shift += 7) {
      byte = take<std::uint8_t>();
      if (shift < sizeof value * 8) value |= std::uintptr_t{byte & 0x7fU} << shift;
    }
    if ((byte & sign_bit) != 0 && shift < sizeof value * 8) value |= ~std::uintptr_t{0} << shift;
    return value;
  }

  static constexpr std::size_t kAtOnce = 64;

  std::uintptr_t at_;
  std::uintptr_t end_;
  bool failed_;
  std::size_t copied_ = 0, left_ = 0;  // the last of those that were copied are those from here on
  unsigned char bytes_[kAtOnce];
};

}  // namespace unwind
