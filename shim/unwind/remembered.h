// Values that threads and signal handlers remember together without a lock, each for as long as no other needs its
// room.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

namespace unwind {

// A Value is plain data, of which `key` is a part that tells it from others.
template <class Value, unsigned kBits>
class Remembered {
 public:
  // The value of this key; false where it is not remembered.
  template <class Key>
  bool recall(const Key& key, Value& value) const {
    const auto& slot = slots_[place(key)];
    auto* to = reinterpret_cast<char*>(&value);
    std::uintptr_t sum = kSeed;
    for (unsigned i = 0; i < kWords; ++i) {
      const auto word = slot.words[i].load(std::memory_order_relaxed);
      memcpy(to + i * sizeof word, &word, sizeof word);
      sum = next(sum, word);
    }
    if (slot.sum.load(std::memory_order_relaxed) != sum) return false;
    return value.key == key;
  }

  void remember(const Value& value) {
    auto& slot = slots_[place(value.key)];
    const auto* from = reinterpret_cast<const char*>(&value);
    std::uintptr_t sum = kSeed;
    for (unsigned i = 0; i < kWords; ++i) {
      std::uintptr_t word;
      memcpy(&word, from + i * sizeof word, sizeof word);
      slot.words[i].store(word, std::memory_order_relaxed);
      sum = next(sum, word);
    }
    slot.sum.store(sum, std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned kWords = sizeof(Value) / sizeof(std::uintptr_t);
  static_assert(sizeof(Value) % sizeof(std::uintptr_t) == 0);

  // What two threads have written at once does not agree with its sum, and is nothing.
  struct Slot {
    std::atomic<std::uintptr_t> words[kWords];
    std::atomic<std::uintptr_t> sum;
  };

  static constexpr std::uintptr_t kSeed = 1;
  static std::uintptr_t next(std::uintptr_t sum, std::uintptr_t word) { return sum * 31 + word; }

  // Fibonacci hashing: the upper bits of a product depend on all bits of the address.
  template <class Key>
  static unsigned place(const Key& key) {
    return static_cast<unsigned>(std::uint64_t{key.address ^ key.identity} * 0x9e3779b97f4a7c15U >> (64 - kBits));
  }

  Slot slots_[1U << kBits];
};

// An address, and what is mapped there: after dlclose another object may come to the same place.
struct Key {
  std::uintptr_t address, identity;
  bool operator==(const Key&) const = default;
};

}  // namespace unwind
