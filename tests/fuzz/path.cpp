// Recognises ways of any shape on a stack of any words, which ends where memory ends: nothing behind it is read, and
// yes is said where each word is as it was, and nowhere else.
#include <sys/mman.h>

#include <cstring>
#include <memory>

#include "fuzz/must.h"
#include "unwind/path.h"

namespace {

constexpr std::size_t kPage = 4096, kSize = 2 * kPage, kWord = sizeof(std::uintptr_t);

// Two pages, and no more.
std::uintptr_t new_stack() {
  void* area = mmap(nullptr, kSize + kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(area != MAP_FAILED && mprotect(area, kSize, PROT_READ | PROT_WRITE) == 0);
  return reinterpret_cast<std::uintptr_t>(area);
}

// No word of others in this process.
std::uintptr_t address(unsigned frame) { return 0x5bd1e995U * (frame + 1); }

struct Step {
  std::uint8_t words;  // from the frame before: none leaps over the page without memory
  std::uint8_t is_as_it_was;
  std::uint8_t pointer;  // how the next frame is found: by the frame pointer in its register, or kept in memory; or not
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const std::uintptr_t stack = new_stack();
  static const auto modules = std::make_unique<Modules>();
  std::memset(reinterpret_cast<void*>(stack), 0, kSize);
  std::uint16_t from = 0;
  if (size < sizeof from) return 0;
  std::memcpy(&from, data, sizeof from);
  const auto begin = stack + from * kWord % kSize;

  stack::Path path{};
  path.is_recognisable = true;
  unwind::Frame here{}, frame{};
  here.registers[unwind::kStack] = frame.returns_at = begin;
  const auto set_pointer = [](unwind::Frame& of, std::uintptr_t value) {
    if constexpr (unwind::kPointer < unwind::kRegisters) of.registers[unwind::kPointer] = value;
  };
  set_pointer(here, stack);
  unwind::Row by_stack{}, by_pointer{};
  by_stack.rules[unwind::kFrameAddress] = {unwind::kStack};
  by_pointer.rules[unwind::kFrameAddress] = {unwind::kPointer};
  bool is_same = true, leads_on_by_another = false;
  for (std::size_t at = sizeof from; at + sizeof(Step) <= size && path.count < path.kMost; at += sizeof(Step)) {
    Step step;
    std::memcpy(&step, data + at, sizeof step);
    frame.returns_at += step.words * kWord;
    frame.registers[unwind::kReturn] = address(path.count);
    is_same = is_same && !leads_on_by_another;
    if (path.count > 0) {
      const bool is_there = frame.returns_at < stack + kSize;
      const bool is_as_it_was = step.is_as_it_was % 8 != 0;
      if (is_there && is_as_it_was) *reinterpret_cast<std::uintptr_t*>(frame.returns_at) = address(path.count);
      is_same = is_same && is_there && is_as_it_was;
    }
    must(path.add(frame, begin, stack::Path::kOwn));
    // Kept in memory it is below the return address, where no other stands.
    const bool is_kept = step.pointer % 3 == 1 && step.words > 1 && frame.returns_at < stack + kSize;
    const bool is_in_register = step.pointer % 3 == 2;
    const bool is_another = step.pointer > 250 && (is_kept || is_in_register);
    set_pointer(frame, is_another ? stack + kWord : stack);
    frame.pointer_at = is_kept ? frame.returns_at - kWord : 0;
    if (is_kept) *reinterpret_cast<std::uintptr_t*>(frame.pointer_at) = stack;
    path.leads_on_by(is_kept || is_in_register ? by_pointer : by_stack, frame, begin);
    leads_on_by_another = is_another;
  }
  if (path.is_recognisable) must(path.leads_from(here, true, *modules) == is_same);
  must(path.has_same_callers(path) && path.next_caller(0) == path.count);
  return 0;
}
