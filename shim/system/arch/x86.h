// What x86-64 and i386 have in common: the registers of the arguments are as they were when a system call returns, and
// its number is found in the code in front of the instruction, or on the stack.
#pragma once

#include "system/arch/interrupted.h"

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

using Registers = const greg_t*;

// The number of the system call whose instruction ends here and is `size` bytes long, if it was loaded a little
// before: b8 and four bytes are `mov $number, %eax`. In glibc's splice two arguments are loaded in between; 20 bytes
// are looked through, since 36 reach into the function before (glibc 2.36). After a 41 it is another register, r8d.
inline long loaded_before(std::uintptr_t instruction, unsigned size) {
  constexpr unsigned kFar = 20;
  constexpr unsigned kLoad = 5;
  const auto* code = reinterpret_cast<const unsigned char*>(instruction) - size;
  for (unsigned back = kLoad; back <= kFar && readable(instruction, size + back + 1); ++back) {
    const auto* load = code - back;
    const bool ends_other = (load[0] == 0x0f && load[1] == 0x05) || (load[0] == 0xcd && load[1] == 0x80);
    if (ends_other || load[kLoad - 1] == 0xc3) break;  // another call, or the function before has returned
    if (load[0] != 0xb8 || load[-1] == 0x41 || load[3] != 0 || load[4] != 0) continue;
    return load[1] | load[2] << 8;
  }
  return kUnknown;
}

// Whether this number is pushed as a constant a little before a return address of glibc's.
inline bool pushes(const unsigned char* behind, unsigned far, std::uintptr_t number) {
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

// From 2.41 on glibc makes the calls that are cancellation points in one function, whose last argument is the
// number: `push $number`, then kArguments that are in memory, then the call. So it proves itself, at one of the words
// above the stack pointer. Words that an earlier call has left there may say another: then it is not known.
template <unsigned kArguments>
long pushed_above(const std::uintptr_t* stack, unsigned words, unsigned far, const long (&arguments)[6]) {
  long number = kUnknown;
  for (const auto* word = stack; word < stack + words; ++word) {
    if (!glibc.holds(*word, far)) continue;
    if (kArguments > 0 && memcmp(word + 1, arguments, 2 * sizeof *word) != 0) continue;
    const auto candidate = static_cast<long>(word[1 + kArguments]);
    if (!pushes(reinterpret_cast<const unsigned char*>(*word), far, word[1 + kArguments])) continue;
    if (number != kUnknown && number != candidate) return kUnknown;
    number = candidate;
  }
  return number;
}

}  // namespace arch
