// How the handler for static programs lies in memory: whole pages of code that begin with a header, and behind them one
// of data. It is written so into a process, by nosigpipe-attach, and found there, by nosigpipe-doctor.
#pragma once

#include <cstdint>

namespace blob {

constexpr char kMagic[12] = "nosigpipe-h";

// Offsets are from the header's own beginning.
struct Header {
  char magic[12];
  std::uint32_t size;      // of the code, this header counted
  std::uint32_t data;      // struct Data
  std::uint32_t handler;   // what the kernel calls at a SIGPIPE
  std::uint32_t restorer;  // and where that returns to
  std::uint32_t texts;     // each with a NUL, and one behind the last: the version; the calls that are counted
};

struct Data {
  std::uint64_t since;        // when it was put in, in seconds
  std::uint32_t averted[32];  // by which call, in the order of their names
  std::uint64_t code, size;   // of the program, libc's functions among it
  std::uint32_t has_glibc;    // whether that is glibc
};

// As the kernel has it: Word is the process's.
template <class Word>
struct Sigaction {
  Word handler;
  Word flags;
  Word restorer;
  std::uint64_t mask;
} __attribute__((packed));

// With these: SA_RESTART, as no program that has no handler expects EINTR; on the alternate stack where there is one.
// It blocks what kernel::kAllButFaults says, which handler.cpp holds this to.
constexpr std::uint64_t kMask = ~std::uint64_t{0x400004d8};
constexpr unsigned kFlags = 0x4 | 0x04000000 | 0x08000000 | 0x10000000;  // SIGINFO, RESTORER, ONSTACK, RESTART

}  // namespace blob
