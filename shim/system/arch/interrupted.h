// What is left of a system call when a signal arrives as it returns, and how to read the code in front of an address.
// Each machine fills this in from its own registers.
#pragma once

#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace arch {

constexpr long kUnknown = -1;

struct Interrupted {
  bool in_call;        // the thread is just back from a system call
  bool has_arguments;  // the registers still hold what it was called with
  long result;         // as the kernel gave it, errors as -errno
  long number;         // of the system call, or kUnknown
  long arguments[6];
  const void* call_site;  // the instruction after the call
  bool is_met = false;    // note_met() has been told of it
};

// Elsewhere what memory says of a call is not asked: it need not be there.
inline bool may_have_written(const Interrupted& at) { return at.in_call && (at.result == -EPIPE || at.result > 0); }

// As the kernel calls a handler: it, too, gives all three to whom has not asked for them. i386.h has its own.
#ifndef __i386__
inline void call(void (*handler)(int, siginfo_t*, void*), int signal, siginfo_t* info, void* context, bool) {
  handler(signal, info, context);
}
#endif

// Where the code of an object is.
struct Code {
  std::uintptr_t begin;
  std::size_t size;
  bool holds(std::uintptr_t address, unsigned before = 0) const {
    return address - begin - before < size - before && size > before;
  }
};

// glibc's, once its functions have been found. In the handler of static programs: the program's, and the same again
// where glibc is part of it.
inline constinit Code glibc{}, program{};

// Whether `size` bytes in front of this instruction can be read. Elsewhere nothing says so of the page before its own.
inline bool readable(std::uintptr_t instruction, unsigned size) {
  return (instruction & 4095) >= size || glibc.holds(instruction, size) || program.holds(instruction, size);
}

// Whether these two bytes stand in front of the instruction. True where they cannot be read.
inline bool follows(std::uintptr_t instruction, unsigned first, unsigned second) {
  if (!readable(instruction, 2)) return true;
  const auto* code = reinterpret_cast<const unsigned char*>(instruction);
  return code[-2] == first && code[-1] == second;
}

// The same for one instruction of four bytes.
inline bool follows(std::uintptr_t instruction, std::uint32_t expected) {
  std::uint32_t code = expected;
  if (readable(instruction, sizeof code))
    memcpy(&code, reinterpret_cast<const char*>(instruction) - sizeof code, sizeof code);
  return code == expected;
}

// What stands at a function's frame pointer, from there: its caller's frame pointer, where it returns to, and the end
// of its frame. Where the machine's compilers keep none, the register is none.
struct FrameRecord {
  unsigned pointer;
  int caller, returns_to, end;
};

// How a function returns that needs no frame pointer for it: what it takes off its stack before the return address.
struct Epilogue {
  static constexpr unsigned kMost = 8;
  bool is_known = false;
  unsigned size = 0;  // in bytes
  unsigned count = 0;
  struct {
    unsigned number, offset;
  } popped[kMost];  // registers, and where they are
};

// How much code is looked at in front of a return address and behind it.
constexpr unsigned kCodeBefore = 8, kCodeBehind = 16;

}  // namespace arch
