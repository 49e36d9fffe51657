// Steps from function to function by tables of any bytes, over a stack of any words: whatever they say, nothing outside
// of the two is read, and it ends.
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace unwind;
  Input input;
  if (size < sizeof input) return 0;
  std::memcpy(&input, data, sizeof input);
  const std::size_t length = size - sizeof input;
  const std::size_t on_stack = std::min<std::size_t>(input.words * sizeof(std::uintptr_t), length);
  // Of exactly their sizes, so that AddressSanitizer sees a byte too many.
  const auto memory = std::make_unique<unsigned char[]>(length - on_stack);
  const auto stack = std::make_unique<unsigned char[]>(on_stack);
  std::memcpy(memory.get(), data + sizeof input, length - on_stack);
  std::memcpy(stack.get(), data + sizeof input + length - on_stack, on_stack);

  const auto begin = reinterpret_cast<std::uintptr_t>(memory.get());
  const auto low = reinterpret_cast<std::uintptr_t>(stack.get());
  const Object object{{begin, begin + length - on_stack}, begin + input.table};
  Frame frame{};
  for (auto& value : frame.registers) value = low;
  frame.registers[kReturn] = begin + static_cast<std::uintptr_t>(std::intptr_t{input.place});
  frame.is_exact = true;
  for (int steps = 0; steps < 8; ++steps) {
    const auto before = frame.stack();
    if (!step(frame, object, {low, low + on_stack})) break;
    must(frame.instruction() != 0 && (frame.stack() >= before || frame.is_exact));
    frame.registers[kReturn] = begin + static_cast<std::uintptr_t>(std::intptr_t{input.place});
  }
  return 0;
}
