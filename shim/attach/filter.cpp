#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/filter.h"

#include <linux/audit.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "attach/refusal.h"

namespace attach {
namespace {

constexpr std::uint32_t kKill = SECCOMP_RET_KILL_PROCESS;

struct Asked {
  const char* name;
  std::uint64_t arguments[3];  // those that a filter may ask for
  Call call;
  bool is_needed;  // by the stretch itself; all others may also be refused
};

#define NEEDED(name, ...) \
  { #name, {__VA_ARGS__ }, Call::name, true }
#define ASKED(name, ...) \
  { #name, {__VA_ARGS__ }, Call::name, false }
const Asked kAsked[] = {
    NEEDED(rt_sigreturn),
    NEEDED(rt_sigprocmask),
    NEEDED(rt_sigpending),
    NEEDED(mmap, 0, 4096, PROT_READ | PROT_WRITE),
    NEEDED(munmap),
    // The loader's.
    ASKED(mmap, 0, 4096, PROT_READ | PROT_EXEC),
    ASKED(mprotect, 0, 4096, PROT_READ),
    ASKED(mprotect, 0, 4096, PROT_READ | PROT_EXEC),
    ASKED(mprotect, 0, 4096, PROT_READ | PROT_WRITE),
    ASKED(open),
    ASKED(openat),
    ASKED(read),
    ASKED(pread64),
    ASKED(fstat),
    ASKED(stat),
    ASKED(newfstatat),
    ASKED(statx),
    ASKED(close),
    ASKED(memfd_create),
    ASKED(brk),
    ASKED(futex),
    ASKED(futex_time64),
    // The shim's, as nosigpipe.1 lists them.
    ASKED(rt_sigaction),
    ASKED(rt_sigtimedwait),
    ASKED(rt_tgsigqueueinfo),
    ASKED(tgkill),
    ASKED(sigaltstack),
    ASKED(ppoll),
    ASKED(getsockopt),
    ASKED(getsockname),
    ASKED(getpeername),
    ASKED(write),
    ASKED(sendto),
    ASKED(sendmsg),
    ASKED(socketcall),
    ASKED(socket),
    ASKED(connect),
    ASKED(fcntl),
    ASKED(dup3),
    ASKED(readlinkat),
    ASKED(getcwd),
    ASKED(uname),
    ASKED(madvise),
    ASKED(prctl),
    ASKED(clock_gettime),
    ASKED(clock_gettime64),
    ASKED(nanosleep),
    ASKED(getpid),
    ASKED(getppid),
    ASKED(gettid),
    ASKED(getuid),
    ASKED(geteuid),
    ASKED(pwritev2),
};
#undef NEEDED
#undef ASKED

// Whether it goes on after this, with or without the call having been made.
bool is_harmless(std::uint32_t verdict, bool is_needed) {
  const auto action = verdict & SECCOMP_RET_ACTION_FULL;
  return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG || (action == SECCOMP_RET_ERRNO && !is_needed);
}

std::uint32_t calculated(unsigned operation, std::uint32_t a, std::uint32_t by) {
  switch (operation) {
    case BPF_ADD:
      return a + by;
    case BPF_SUB:
      return a - by;
    case BPF_MUL:
      return a * by;
    case BPF_DIV:
      return by == 0 ? 0 : a / by;
    case BPF_OR:
      return a | by;
    case BPF_AND:
      return a & by;
    case BPF_XOR:
      return a ^ by;
    case BPF_LSH:
      return by < 32 ? a << by : 0;
    case BPF_RSH:
      return by < 32 ? a >> by : 0;
    default:
      return 0 - a;  // BPF_NEG
  }
}

bool holds(unsigned operation, std::uint32_t a, std::uint32_t with) {
  return operation == BPF_JEQ   ? a == with
         : operation == BPF_JGT ? a > with
         : operation == BPF_JGE ? a >= with
                                : (a & with) != 0;
}

}  // namespace

std::uint32_t verdict_of(std::span<const sock_filter> filter, const seccomp_data& call) {
  std::uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = {};
  for (std::size_t at = 0; at < filter.size(); ++at) {  // it jumps forwards only
    const auto& instruction = filter[at];
    const auto mode = BPF_MODE(instruction.code);
    const auto operand = BPF_SRC(instruction.code) == BPF_X ? x : instruction.k;
    const auto word = [&]() -> std::uint32_t {
      if (mode == BPF_IMM) return instruction.k;
      if (mode == BPF_LEN) return sizeof call;
      if (mode == BPF_MEM) return instruction.k < BPF_MEMWORDS ? memory[instruction.k] : 0;
      std::uint32_t loaded = 0;
      if (instruction.k <= sizeof call - sizeof loaded)
        std::memcpy(&loaded, reinterpret_cast<const char*>(&call) + instruction.k, sizeof loaded);
      return loaded;
    };
    switch (BPF_CLASS(instruction.code)) {
      case BPF_LD:
        a = word();
        break;
      case BPF_LDX:
        x = word();
        break;
      case BPF_ST:
      case BPF_STX:
        if (instruction.k < BPF_MEMWORDS) memory[instruction.k] = BPF_CLASS(instruction.code) == BPF_ST ? a : x;
        break;
      case BPF_ALU:
        a = calculated(BPF_OP(instruction.code), a, operand);
        break;
      case BPF_JMP:
        if (BPF_OP(instruction.code) == BPF_JA)
          at += instruction.k;
        else
          at += holds(BPF_OP(instruction.code), a, operand) ? instruction.jt : instruction.jf;
        break;
      case BPF_RET:
        return BPF_RVAL(instruction.code) == BPF_A ? a : instruction.k;
      default:  // BPF_MISC
        (BPF_MISCOP(instruction.code) == BPF_TAX ? x : a) = BPF_MISCOP(instruction.code) == BPF_TAX ? a : x;
    }
  }
  return kKill;
}

void refuse_by_filters(Machine machine, int tid) {
  for (unsigned long index = 0;; ++index) {
    const long length = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, index, nullptr);
    if (length < 0 && errno == ENOENT) return;
    if (length < 0)
      throw Refusal(std::string("it is in a seccomp filter, and the kernel does not tell which (") +
                    std::strerror(errno) + "): do it as root, and not in a filter");
    std::vector<sock_filter> filter(static_cast<std::size_t>(length));
    if (ptrace(PTRACE_SECCOMP_GET_FILTER, tid, index, filter.data()) != length)
      throw Refusal("it is in a seccomp filter, and the kernel does not tell which");
    for (const auto& asked : kAsked) {
      seccomp_data data{};
      data.nr = static_cast<int>(number_of(machine, asked.call));
      data.arch = machine == Machine::x86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_I386;
      std::memcpy(data.args, asked.arguments, sizeof asked.arguments);
      if (data.nr >= 0 && !is_harmless(verdict_of(filter, data), asked.is_needed))
        throw Refusal(std::string("its seccomp filter does not let it call ") + asked.name +
                      ": restart it under nosigpipe");
    }
  }
}

}  // namespace attach
#endif
