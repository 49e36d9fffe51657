#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/frame.h"

#include <cpuid.h>
#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

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

// What the kernel takes for the processor's state, by the marks at its end and in it.
void mark_extended(std::string& state) {
  if (state.size() < kSmallest) throw NotNow("its floating-point state is not understood");
  auto features = value_at<std::uint64_t>(state, kSoftware);  // XCR0
  if ((value_at<std::uint64_t>(state, kHeader) & kTiles) == 0) features &= ~kTiles;
  const auto size = size_of(features);
  if (size > state.size()) throw NotNow("its floating-point state is not understood");
  const Software software{
      kMagic1, static_cast<std::uint32_t>(size + sizeof kMagic2), features, static_cast<std::uint32_t>(size), {}};
  std::memcpy(state.data() + kSoftware, &software, sizeof software);
  state.resize(size);
  state.append(reinterpret_cast<const char*>(&kMagic2), sizeof kMagic2);
}

}  // namespace

Frame make_frame(const user_regs_struct& registers, std::uint64_t mask, std::string extended, std::uint64_t top) {
  mark_extended(extended);
  const std::uint64_t state = (top - extended.size()) & ~std::uint64_t{63};
  constexpr std::size_t kSize = offsetof(ucontext_t, uc_sigmask) + sizeof mask;
  const std::uint64_t at = (state - kSize) & ~std::uint64_t{15};

  ucontext_t context{};
  context.uc_flags = kHasExtended | kHasStackSegment | kStrictStackSegment;
  context.uc_stack.ss_flags = 0x7ffff;  // of no kind that there is: the alternate stack stays as it is
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
  to.fpregs = reinterpret_cast<fpregset_t>(state);
  std::memcpy(&context.uc_sigmask, &mask, sizeof mask);

  Frame frame{std::string(reinterpret_cast<const char*>(&context), kSize), at, 0, 0};
  frame.bytes.resize(state - at);
  frame.bytes += extended;
  const auto place = [&](int name) {
    return at + offsetof(ucontext_t, uc_mcontext.gregs) + static_cast<std::uint64_t>(name) * sizeof(greg_t);
  };
  frame.result = place(REG_RAX);
  frame.counter = place(REG_RIP);
  return frame;
}

}  // namespace attach
#endif
