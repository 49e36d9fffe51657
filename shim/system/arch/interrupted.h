// What is left of a system call when a signal arrives as it returns, and how to read the code in front of an address.
// Each machine fills this in from its own registers.
#pragma once

#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace arch {

constexpr long kUnknown = -1;

struct Interrupted {
  bool in_call;           // the thread is just back from a system call
  bool has_arguments;     // the registers still hold what it was called with
  long result;            // as the kernel gave it, errors as -errno
  long number;            // of the system call, or kUnknown
  long arguments[4];      // the first four
  const void* call_site;  // the instruction after the call
};

// Whether `size` bytes in front of this instruction are in its own page. Nothing says that the page before it can be
// read.
inline bool readable(std::uintptr_t instruction, unsigned size) { return (instruction & 4095) >= size; }

// Whether these two bytes stand in front of the instruction. True where they cannot be read.
inline bool follows(std::uintptr_t instruction, unsigned first, unsigned second) {
  if (!readable(instruction, 2)) return true;
  const auto* code = reinterpret_cast<const unsigned char*>(instruction);
  return code[-2] == first && code[-1] == second;
}

// x86: the number of the system call, if it was loaded right before it. b8 and four bytes are `mov $number, %eax`.
inline long loaded_before(std::uintptr_t instruction) {
  if (!readable(instruction, 7)) return kUnknown;
  const auto* code = reinterpret_cast<const unsigned char*>(instruction);
  if (code[-7] != 0xb8) return kUnknown;
  std::int32_t number;
  memcpy(&number, code - 6, sizeof number);
  return number;
}

}  // namespace arch
