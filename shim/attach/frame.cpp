#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/frame.h"

#include <cpuid.h>
#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "attach/refusal.h"

namespace attach {
namespace {

// The kernel's asm/sigcontext.h, which cannot be included beside libc's ucontext.h.
constexpr std::uint32_t kMagic1 = 0x46505853, kMagic2 = 0x46505845;
struct Software {  // at the end of the first 512 bytes, which the processor leaves to it
  std::uint32_t magic;
  std::uint32_t extended_size;
  std::uint64_t features;
  std::uint32_t size;
  std::uint32_t unused[7];
};
constexpr std::size_t kSoftware = 464, kHeader = 512, kSmallest = 576;
enum : unsigned long { kHasExtended = 1, kHasStackSegment = 2, kStrictStackSegment = 4 };

constexpr int kNoKindOfStack = 0x7ffff;  // the alternate stack stays as it is

// AMX's tiles have room in a thread's state only once it has used them.
constexpr std::uint64_t kTiles = std::uint64_t{1} << 18;

// How much of the state these features take, in the processor's standard layout.
std::size_t size_of(std::uint64_t features) {
  std::size_t size = kSmallest;
  for (unsigned feature = 2; feature < 63; ++feature) {
    unsigned length = 0, offset = 0, flags = 0, unused = 0;
    constexpr unsigned kState = 0xd, kSupervisor = 1;
    if ((features >> feature & 1) == 0) continue;
    if (__get_cpuid_count(kState, feature, &length, &offset, &flags, &unused) == 0) continue;
    if ((flags & kSupervisor) == 0) size = std::max<std::size_t>(size, offset + length);
  }
  return size;
}

template <class Value>
Value value_at(const std::string& bytes, std::size_t at) {
  Value value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// What the kernel takes for the processor's state, by the marks at its end and in it; `before` it lie so many bytes
// more.
void mark_extended(std::string& state, std::size_t before) {
  if (state.size() < kSmallest) throw NotNow("its floating-point state is not understood");
  auto features = value_at<std::uint64_t>(state, kSoftware);  // XCR0
  if ((value_at<std::uint64_t>(state, kHeader) & kTiles) == 0) features &= ~kTiles;
  const auto size = size_of(features);
  if (size > state.size()) throw NotNow("its floating-point state is not understood");
  const Software software{kMagic1,
                          static_cast<std::uint32_t>(before + size + sizeof kMagic2),
                          features,
                          static_cast<std::uint32_t>(size),
                          {}};
  std::memcpy(state.data() + kSoftware, &software, sizeof software);
  state.resize(size);
  state.append(reinterpret_cast<const char*>(&kMagic2), sizeof kMagic2);
}

// The context, of which this much is read, and the floating point above it, where its extended state is aligned.
struct Places {
  Places(std::uint64_t top, std::size_t context_size, std::size_t old_size, std::size_t extended_size)
      : floating(((top - extended_size) & ~std::uint64_t{63}) - old_size),
        context((floating - context_size) & ~std::uint64_t{15}) {}
  std::uint64_t floating, context;
};

Frame put_together(const Places& places, std::string context, const FloatingPoint& floating) {
  context.resize(places.floating - places.context);
  return {std::move(context) + floating.old + floating.extended, places.context, 0, 0};
}

Frame make_x86_64(const user_regs_struct& registers, std::uint64_t mask, FloatingPoint floating, std::uint64_t top) {
  floating.old.clear();
  mark_extended(floating.extended, 0);
  constexpr std::size_t kSize = offsetof(ucontext_t, uc_sigmask) + sizeof mask;
  const Places places(top, kSize, 0, floating.extended.size());

  ucontext_t context{};
  context.uc_flags = kHasExtended | kHasStackSegment | kStrictStackSegment;
  context.uc_stack.ss_flags = kNoKindOfStack;
  auto& to = context.uc_mcontext;
  const auto put = [&](int name, unsigned long long value) { to.gregs[name] = static_cast<greg_t>(value); };
  put(REG_R8, registers.r8);
  put(REG_R9, registers.r9);
  put(REG_R10, registers.r10);
  put(REG_R11, registers.r11);
  put(REG_R12, registers.r12);
  put(REG_R13, registers.r13);
  put(REG_R14, registers.r14);
  put(REG_R15, registers.r15);
  put(REG_RDI, registers.rdi);
  put(REG_RSI, registers.rsi);
  put(REG_RBP, registers.rbp);
  put(REG_RBX, registers.rbx);
  put(REG_RDX, registers.rdx);
  put(REG_RAX, registers.rax);
  put(REG_RCX, registers.rcx);
  put(REG_RSP, registers.rsp);
  put(REG_RIP, registers.rip);
  put(REG_EFL, registers.eflags);
  put(REG_CSGSFS, registers.cs | registers.gs << 16 | registers.fs << 32 | registers.ss << 48);
  to.fpregs = reinterpret_cast<fpregset_t>(places.floating);
  std::memcpy(&context.uc_sigmask, &mask, sizeof mask);

  auto frame = put_together(places, std::string(reinterpret_cast<const char*>(&context), kSize), floating);
  const auto place = [&](int name) {
    return frame.at + offsetof(ucontext_t, uc_mcontext.gregs) + static_cast<std::uint64_t>(name) * sizeof(greg_t);
  };
  frame.result = place(REG_RAX);
  frame.counter = place(REG_RIP);
  return frame;
}

Frame make_i386(const user_regs_struct& registers, std::uint64_t mask, FloatingPoint floating, std::uint64_t top) {
  constexpr std::size_t kOld = 112;  // with a status word, which nobody reads there
  floating.old.resize(kOld);
  mark_extended(floating.extended, kOld);
  const Places places(top, sizeof(i386::InfoFrame), kOld, floating.extended.size());

  i386::InfoFrame context{};
  context.context.flags = kHasExtended;
  context.context.alternate.flags = kNoKindOfStack;
  const auto narrow = [](unsigned long long value) { return static_cast<std::uint32_t>(value); };
  auto& to = context.context.registers;
  to.gs = narrow(registers.gs);
  to.fs = narrow(registers.fs);
  to.es = narrow(registers.es);
  to.ds = narrow(registers.ds);
  to.edi = narrow(registers.rdi);
  to.esi = narrow(registers.rsi);
  to.ebp = narrow(registers.rbp);
  to.esp = to.esp_at_signal = narrow(registers.rsp);
  to.ebx = narrow(registers.rbx);
  to.edx = narrow(registers.rdx);
  to.ecx = narrow(registers.rcx);
  to.eax = narrow(registers.rax);
  to.eip = narrow(registers.rip);
  to.cs = narrow(registers.cs);
  to.eflags = narrow(registers.eflags);
  to.ss = narrow(registers.ss);
  to.floating = narrow(places.floating);
  std::memcpy(&context.context.mask, &mask, sizeof mask);

  auto frame = put_together(places, std::string(reinterpret_cast<const char*>(&context), sizeof context), floating);
  frame.result = frame.at + offsetof(i386::InfoFrame, context.registers.eax);
  frame.counter = frame.at + offsetof(i386::InfoFrame, context.registers.eip);
  return frame;
}

}  // namespace

Frame make_frame(Machine machine, const user_regs_struct& registers, std::uint64_t mask, FloatingPoint floating,
                 std::uint64_t top) {
  const auto make = machine == Machine::x86_64 ? make_x86_64 : make_i386;
  return make(registers, mask, std::move(floating), top);
}

}  // namespace attach
#endif
