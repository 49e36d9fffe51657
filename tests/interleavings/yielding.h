// Put before each file of the shim that is explored (-include): its atomics and system calls are steps of a schedule.
// All else is the shim's own source as it is.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "interleavings/schedules.h"
#include "system/arch/machine.h"

namespace std {

// What libc's functions are found at is found before there are threads.
template <class T>
constexpr bool is_step = !is_same_v<T, void*>;

template <class T>
class yielding {
 public:
  constexpr yielding() = default;
  constexpr yielding(T value) : value_(value) {}
  yielding(const yielding&) = delete;
  yielding& operator=(const yielding&) = delete;

  T load(memory_order = memory_order_seq_cst) const {
    reads();
    return value_;
  }
  void store(T value, memory_order = memory_order_seq_cst) { exchange(value); }
  T exchange(T value, memory_order = memory_order_seq_cst) {
    writes();
    return std::exchange(value_, value);
  }
  bool compare_exchange_strong(T& expected, T wanted, memory_order = memory_order_seq_cst,
                               memory_order = memory_order_seq_cst) {
    writes();
    const bool same = value_ == expected;
    (same ? value_ : expected) = same ? wanted : value_;
    return same;
  }
  bool compare_exchange_weak(T& expected, T wanted, memory_order = memory_order_seq_cst,
                             memory_order = memory_order_seq_cst) {
    return compare_exchange_strong(expected, wanted);
  }
  T fetch_add(T more, memory_order = memory_order_seq_cst) {
    writes();
    return std::exchange(value_, static_cast<T>(value_ + more));
  }
  T fetch_sub(T less, memory_order = memory_order_seq_cst) {
    writes();
    return std::exchange(value_, static_cast<T>(value_ - less));
  }

 private:
  void reads() const {
    if constexpr (is_step<T>) schedules::before(this, false, "reads");
  }
  void writes() {
    if constexpr (is_step<T>) {
      schedules::before(this, true, "writes");
      schedules::keep(this, sizeof *this);
    }
  }

  T value_{};
};

}  // namespace std

namespace arch {
long modelled_call(long number, long a, long b, long c, long d, long e);
}
extern "C" long modelled_syscall(long number, long a, long b, long c, long d, long e, long f);

#define atomic yielding
#define system_call modelled_call
#define nosigpipe_syscall modelled_syscall
