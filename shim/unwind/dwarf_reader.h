// Numbers as DWARF 5 writes them, read from memory that may be damaged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "unwind/dwarf_names.h"

namespace dwarf {

// Memory that may be read.
struct Range {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool holds(std::uintptr_t address, std::size_t size = 1) const {
    return begin != 0 && address >= begin && address < end && end - address >= size;
  }
};

// Reads inside a range; beyond it everything is 0, and failed() is true from then on.
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

  // A pointer in this encoding (DW_EH_PE_*); `data` is what DW_EH_PE_datarel counts from.
  std::uintptr_t pointer(std::uint8_t encoding, std::uintptr_t data = 0) {
    const auto from = at_;
    std::uintptr_t value = 0;
    switch (encoding & DW_EH_PE_format) {
      case DW_EH_PE_absptr:
        value = take<std::uintptr_t>();
        break;
      case DW_EH_PE_uleb128:
        value = unsigned_leb();
        break;
      case DW_EH_PE_udata4:
        value = take<std::uint32_t>();
        break;
      case DW_EH_PE_sdata4:
        value = static_cast<std::uintptr_t>(static_cast<std::intptr_t>(take<std::int32_t>()));
        break;
      case DW_EH_PE_udata8:
      case DW_EH_PE_sdata8:
        value = static_cast<std::uintptr_t>(take<std::uint64_t>());
        break;
      default:
        failed_ = true;
    }
    const auto counted_from = encoding & DW_EH_PE_application;
    if (counted_from == DW_EH_PE_pcrel) return value + from;
    if (counted_from == DW_EH_PE_datarel) return value + data;
    failed_ = failed_ || counted_from != 0;
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
