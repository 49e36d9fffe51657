#include "attach/machine.h"

#include <linux/ipc.h>
#include <linux/net.h>

#include <cstddef>
#include <iterator>

namespace attach {
namespace {

struct Known {
  long numbers[2];  // in the order of Machine
  Stopped stopped;
};
constexpr Known kCalls[] = {
#define CALL(name, x86_64, i386, stopped) {{x86_64, i386}, Stopped::stopped},
#include "attach/calls.def"
};

const Known& known(Call call) { return kCalls[static_cast<std::size_t>(call)]; }

// By the first argument, of those that may be slept in.
std::optional<Call> by_socketcall(std::uint64_t which) {
  switch (which) {
    case SYS_ACCEPT:
      return Call::accept;
    case SYS_RECV:
    case SYS_RECVFROM:
      return Call::recvfrom;
    case SYS_RECVMSG:
      return Call::recvmsg;
    case SYS_ACCEPT4:
      return Call::accept4;
    case SYS_RECVMMSG:
      return Call::recvmmsg;
    default:
      return Call::socketcall;
  }
}

std::optional<Call> by_ipc(std::uint64_t which) {
  switch (which & 0xffff) {  // above it is a version
    case SEMOP:
      return Call::semop;
    case SEMTIMEDOP:
      return Call::semtimedop;
    case MSGRCV:
      return Call::msgrcv;
    default:
      return Call::ipc;
  }
}

}  // namespace

std::optional<Machine> machine_of(const doctor::ElfHeaders& headers) {
  if (!headers.is_for_attach()) return {};
  return headers.is_64_bit ? Machine::x86_64 : Machine::i386;
}

Stopped stopped_in(Call call) { return known(call).stopped; }

long number_of(Machine machine, Call call) { return known(call).numbers[static_cast<std::size_t>(machine)]; }

std::optional<Call> call_of(Machine machine, long number, std::uint64_t first_argument) {
  if (number < 0) return {};
  for (std::size_t i = 0; i < std::size(kCalls); ++i) {
    if (kCalls[i].numbers[static_cast<std::size_t>(machine)] != number) continue;
    const auto call = static_cast<Call>(i);
    return call == Call::socketcall ? by_socketcall(first_argument) : call == Call::ipc ? by_ipc(first_argument) : call;
  }
  return {};
}

}  // namespace attach
