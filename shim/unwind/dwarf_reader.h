// Numbers and registers as DWARF 5 writes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace dwarf {

// Memory that may be read.
struct Range {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool holds(std::uintptr_t address, std::size_t size = 1) const {
    return begin != 0 && address >= begin && address < end && end - address >= size;
  }
};

// Numbers as DWARF writes them, read inside a range; beyond it all are 0, and `failed`.
class Reader {
 public:
  Reader(std::uintptr_t at, Range range) : at_(at), range_(range) {}

  template <class Value>
  Value take() {
    Value value{};
    failed_ = failed_ || !range_.holds(at_, sizeof value);
    if (!failed_) memcpy(&value, reinterpret_cast<const void*>(at_), sizeof value);
    at_ += sizeof value;
    return value;
  }

  std::uintptr_t unsigned_leb() {
    std::uintptr_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = take<std::uint8_t>();
      if (shift < sizeof value * 8) value |= static_cast<std::uintptr_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0 || failed_) return value;
    }
  }

  std::intptr_t signed_leb() {
    std::uintptr_t value = 0;
    unsigned shift = 0;
    std::uint8_t byte = 0;
    do {
      byte = take<std::uint8_t>();
      if (shift < sizeof value * 8) value |= static_cast<std::uintptr_t>(byte & 0x7f) << shift;
      shift += 7;
    } while ((byte & 0x80) != 0 && !failed_);
    if ((byte & 0x40) != 0 && shift < sizeof value * 8) value |= ~std::uintptr_t{0} << shift;
    return static_cast<std::intptr_t>(value);
  }

  // DW_EH_PE_*: how it is written, and what it is counted from.
  std::uintptr_t pointer(std::uint8_t encoding, std::uintptr_t data = 0) {
    const auto from = at_;
    std::uintptr_t value = 0;
    switch (encoding & 0x0f) {
      case 0x00:
        value = take<std::uintptr_t>();
        break;
      case 0x01:
        value = unsigned_leb();
        break;
      case 0x03:
        value = take<std::uint32_t>();
        break;
      case 0x0b:
        value = static_cast<std::uintptr_t>(static_cast<std::intptr_t>(take<std::int32_t>()));
        break;
      case 0x04:
      case 0x0c:
        value = static_cast<std::uintptr_t>(take<std::uint64_t>());
        break;
      default:
        failed_ = true;
    }
    if ((encoding & 0x70) == 0x10) return value + from;
    if ((encoding & 0x70) == 0x30) return value + data;
    failed_ = failed_ || (encoding & 0x70) != 0;
    return value;
  }

  void skip(std::uintptr_t bytes) { at_ += bytes; }
  void skip_word() {
    while (take<char>() != '\0' && !failed_) {
    }
  }
  std::uintptr_t at() const { return at_; }
  bool failed() const { return failed_; }

 private:
  std::uintptr_t at_;
  Range range_;
  bool failed_ = false;
};

}  // namespace dwarf
