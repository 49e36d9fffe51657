// The number of a system call on x86: in the code in front of its instruction, or on the stack.
#pragma once

#include <cstdint>
#include <cstring>

namespace arch {

constexpr long kNoNumber = -1;

// If it was loaded a little before: b8 and four bytes are `mov $number, %eax`. In glibc's splice two arguments are
// loaded in between; 20 bytes are looked through, since 36 reach into the function before (glibc 2.36). After a 41 it
// is another register, r8d. `is_there` says whether so many bytes in front of `code` may be read.
template <class IsThere>
constexpr long number_loaded(const unsigned char* code, IsThere is_there) {
  constexpr unsigned kFar = 20;
  constexpr unsigned kLoad = 5;
  for (unsigned back = kLoad; back <= kFar && is_there(back + 1); ++back) {
    const auto* load = code - back;
    const bool ends_other = (load[0] == 0x0f && load[1] == 0x05) || (load[0] == 0xcd && load[1] == 0x80);
    if (ends_other || load[kLoad - 1] == 0xc3) break;  // another call, or the function before has returned
    if (load[0] != 0xb8 || load[-1] == 0x41 || load[3] != 0 || load[4] != 0) continue;
    return load[1] | load[2] << 8;
  }
  return kNoNumber;
}

// From 2.41 on glibc makes the calls that are cancellation points in one function, whose last argument is the number:
// `push $number`, then on i386 the others, then `call`. So at one of so many words above the stack pointer is where
// that returns to, behind it so many arguments, then the number; and the push is among so many bytes in front of the
// return.
struct Pushed {
  unsigned words, arguments, far;
};
constexpr Pushed kPushedWide{12, 0, 25}, kPushedNarrow{40, 6, 44};

// Whether this number is pushed as a constant a little before a return address of glibc's: so it proves itself.
inline bool pushes(const unsigned char* behind, unsigned far, std::uint64_t number) {
  constexpr unsigned kCall = 5;
  constexpr unsigned char kPush = 0x68, kPushByte = 0x6a;
  if (behind[-int{kCall}] != 0xe8) return false;
  for (unsigned back = kCall + 2; back <= far; ++back) {
    const auto* push = behind - back;
    if (push[0] == kPushByte && push[1] == number && number < 0x80) return true;
    if (push[0] == kPush && memcmp(push + 1, &number, 4) == 0) return true;
  }
  return false;
}

}  // namespace arch
