// What x86-64 and i386 have in common: the registers of the arguments are as they were when a system call returns, and
// its number is found in the code in front of the instruction, or on the stack.
#pragma once

#include "system/arch/interrupted.h"
#include "system/arch/loaded_number.h"

// Where a compiler marks with -fcf-protection what may be jumped to, so does our assembly, as the library's mark says.
#if defined(__CET__) && defined(__x86_64__)
#define ARCH_LANDS "endbr64\n"
#elif defined(__CET__)
#define ARCH_LANDS "endbr32\n"
#else
#define ARCH_LANDS
#endif

// Behind the instruction of nosigpipe_syscall, which is known by it.
extern "C" [[gnu::visibility("hidden")]] const char nosigpipe_after_syscall;

namespace arch {

constexpr bool kKeepsArguments = true;
static_assert(kNoNumber == kUnknown);

using Registers = const greg_t*;

// Its address is a word that nobody else has.
inline constinit char met = 0;

// The number of the system call whose instruction ends here and is `size` bytes long.
inline long loaded_before(std::uintptr_t instruction, unsigned size) {
  return number_loaded(reinterpret_cast<const unsigned char*>(instruction) - size,
                       [=](unsigned bytes) { return readable(instruction, size + bytes); });
}

// Words that an earlier call has left there may say another number: then it is not known. They are of other frames,
// which AddressSanitizer has marked where it has compiled these.
template <Pushed kPushed>
[[gnu::no_sanitize_address]] long pushed_above(const std::uintptr_t* stack, const long (&arguments)[6]) {
  long number = kUnknown;
  for (const auto* word = stack; word < stack + kPushed.words; ++word) {
    if (!glibc.holds(*word, kPushed.far)) continue;
    if (kPushed.arguments > 0 && memcmp(word + 1, arguments, 2 * sizeof *word) != 0) continue;
    const auto candidate = static_cast<long>(word[1 + kPushed.arguments]);
    if (!pushes(reinterpret_cast<const unsigned char*>(*word), kPushed.far, word[1 + kPushed.arguments])) continue;
    if (number != kUnknown && number != candidate) return kUnknown;
    number = candidate;
  }
  return number;
}

// Whether what returns to this place was called: e8 and four bytes, or ff /2 with its operand (Intel's manual, volume
// 2, CALL).
inline bool is_call(const unsigned char (&before)[kCodeBefore]) {
  if (before[kCodeBefore - 5] == 0xe8) return true;
  for (unsigned size = 2; size <= 7; ++size) {
    const auto* code = before + kCodeBefore - size;
    if (code[0] != 0xff || (code[1] >> 3 & 7) != 2) continue;
    const unsigned mode = code[1] >> 6, base = code[1] & 7;
    const bool has_index = mode != 3 && base == 4;
    if (has_index && size == 2) continue;  // what says the index stands behind these two
    const bool is_far = mode == 2 || (mode == 0 && (base == 5 || (has_index && (code[2] & 7) == 5)));
    if (size == 2U + has_index + (mode == 1 ? 1 : is_far ? 4 : 0)) return true;
  }
  return false;
}

// `add $n, %esp` and `pop`, as many as there are, and `ret`. Registers have the numbers of DWARF.
inline Epilogue epilogue(const unsigned char (&code)[kCodeBehind]) {
  constexpr bool kWide = sizeof(long) == 8;
  constexpr unsigned kNumbers[] = {
      0, kWide ? 2 : 1, kWide ? 1 : 2, 3, kWide ? 7 : 4, kWide ? 6 : 5, kWide ? 4 : 6, kWide ? 5 : 7};
  Epilogue found;
  for (unsigned at = 0; at + 7 < kCodeBehind && found.count < Epilogue::kMost;) {
    const auto prefix = kWide && (code[at] == 0x48 || code[at] == 0x41) ? code[at++] : 0;
    const auto* next = code + at;
    std::int32_t size = 0;
    if (prefix != 0x41 && next[0] == 0x83 && next[1] == 0xc4) {
      size = static_cast<signed char>(next[2]);
      at += 3;
    } else if (prefix != 0x41 && next[0] == 0x81 && next[1] == 0xc4) {
      memcpy(&size, next + 2, sizeof size);
      at += 6;
    } else if (prefix != 0x48 && next[0] >= 0x58 && next[0] <= 0x5f && (prefix == 0x41 || next[0] != 0x5c)) {
      found.popped[found.count++] = {prefix == 0x41 ? next[0] - 0x50U : kNumbers[next[0] - 0x58], found.size};
      size = sizeof(long);
      ++at;
    } else {
      found.is_known = prefix == 0 && (next[0] == 0xc3 || (next[0] == 0xf3 && next[1] == 0xc3));
      return found;
    }
    if (size < 0 || size > 1 << 20) return found;
    found.size += static_cast<unsigned>(size);
  }
  return found;
}

}  // namespace arch
