// The two machines whose programs a kernel of x86-64 runs, and the system calls of both under one name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "doctor/elf_headers.h"

namespace attach {

enum class Machine { x86_64, i386 };

// None where it is neither.
std::optional<Machine> machine_of(const doctor::ElfHeaders& headers);

constexpr unsigned word_size(Machine machine) { return machine == Machine::x86_64 ? 8 : 4; }

// What a system call has returned: an error is below zero on both, and an address never is.
constexpr std::uint64_t result_of(Machine machine, std::uint64_t value) {
  constexpr std::uint32_t kFirstError = -4095U;
  if (machine == Machine::x86_64) return value;
  const auto narrow = static_cast<std::uint32_t>(value);
  return narrow >= kFirstError ? ~std::uint64_t{0} << 32 | narrow : narrow;
}

// The code segment that the kernel gives its programs. Another one's is none of ours: a far jump leads there.
constexpr std::uint16_t code_segment(Machine machine) { return machine == Machine::x86_64 ? 0x33 : 0x23; }

// What is executed where a thread is in a system call, by whatever way it has come there.
constexpr std::string_view call_instruction(Machine machine) {
  return machine == Machine::x86_64 ? std::string_view("\x0f\x05", 2) : std::string_view("\xcd\x80", 2);
}

enum class Call {
#define CALL(name, x86_64, i386, stopped) name,
#include "attach/calls.def"
};

enum class Stopped { goes_on, interrupted, no };
Stopped stopped_in(Call call);

// -1 where the machine does not have it.
long number_of(Machine machine, Call call);

// The call of this number; what socketcall(2) and ipc(2) stand for by their first argument. None where it is none of
// those that are known.
std::optional<Call> call_of(Machine machine, long number, std::uint64_t first_argument);

}  // namespace attach
