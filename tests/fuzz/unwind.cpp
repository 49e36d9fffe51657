// Steps from function to function by tables and code of any bytes, over a stack of any words: whatever they say,
// nothing outside of the two is read, and it ends.
#include <algorithm>
#include <cstring>
#include <memory>

#include "fuzz/must.h"
#include "unwind/unwind.h"

namespace {

struct Input {
  std::uint16_t table;  // where the table is in the memory
  std::int32_t place;   // the function, from where the memory begins
  std::uint8_t words;   // how many at the end are the stack
};

// All that there is. Of exactly its size, so that AddressSanitizer sees a byte too many.
constexpr std::size_t kPage = 4096;
unwind::Range memory, stack;

}  // namespace

// In the place of those that ask the kernel.
bool unwind::copy(void* to, std::uintptr_t from, std::size_t size) {
  if (!memory.holds(from, size) && !stack.holds(from, size)) return false;
  std::memcpy(to, reinterpret_cast<const void*>(from), size);
  return true;
}

bool unwind::is_there(std::uintptr_t address) { return stack.holds(address); }

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace unwind;
  Input input;
  if (size < sizeof input) return 0;
  std::memcpy(&input, data, sizeof input);
  const std::size_t length = size - sizeof input;
  const std::size_t on_stack = std::min<std::size_t>(input.words * sizeof(std::uintptr_t), length);
  const auto bytes = std::make_unique<unsigned char[]>(length - on_stack);
  alignas(kPage) static unsigned char words[kPage];
  std::memcpy(bytes.get(), data + sizeof input, length - on_stack);
  std::memset(words, 0, sizeof words);
  std::memcpy(words, data + sizeof input + length - on_stack, on_stack);

  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.get());
  const auto low = reinterpret_cast<std::uintptr_t>(words);
  memory = {begin, begin + length - on_stack};
  stack = {low, low + sizeof words};
  static std::uintptr_t identity = 0;  // nothing is to be remembered of the one before
  const Object object{memory, begin + input.table, identity += 2};
  Frame frame{};
  for (auto& value : frame.registers) value = low;
  frame.registers[kReturn] = begin + static_cast<std::uintptr_t>(std::intptr_t{input.place});
  frame.is_exact = true;
  Stack seen(low);
  for (int steps = 0; steps < 8; ++steps) {
    const auto before = frame.stack();
    Frame again = frame;
    Stack again_seen = seen;
    const bool goes_on = follow(frame, row_of(frame, object), seen);
    must(follow(again, row_of(again, object), again_seen) == goes_on);  // by what is remembered
    if (!goes_on) break;
    must(again.instruction() == frame.instruction() && again.stack() == frame.stack());
    must(frame.instruction() != 0 && (frame.stack() >= before || frame.is_exact));
    frame.registers[kReturn] = begin + static_cast<std::uintptr_t>(std::intptr_t{input.place});
  }
  return 0;
}
