#include "unwind/path.h"

#include "unwind/copy.h"

using kernel::kPage;

namespace stack {

constexpr auto kWord = sizeof(std::uintptr_t);

bool Path::add(const unwind::Frame& frame, std::uintptr_t begin, Modules::Number module) {
  if (count == kMost) return false;
  const auto slot = count == 0 ? 0 : frame.returns_at - begin;
  const bool is_above = slot <= ~std::uint32_t{0} && slot % kWord == 0 && (count < 2 || slot > slots[count - 1]);
  const bool is_known = count == 0 || pointers[count - 1].value != kNone;
  is_recognisable = is_recognisable && is_above && is_known;
  returns_to[count] = frame.instruction();
  slots[count] = static_cast<std::uint32_t>(slot);
  modules[count++] = module;
  return true;
}

bool Path::has_same_callers(const Path& other) const {
  unsigned i = next_caller(0), j = other.next_caller(0);
  while (i < count && j < other.count && returns_to[i] == other.returns_to[j] && modules[i] == other.modules[j]) {
    i = next_caller(i + 1);
    j = other.next_caller(j + 1);
  }
  return i == count && j == other.count;
}

void Path::leads_on_by(const unwind::Row& row, const unwind::Frame& frame, std::uintptr_t begin) {
  auto& pointer = pointers[count - 1];
  pointer = {0, kNone};
  const auto base = row.rules[unwind::kFrameAddress].base;
  if (row.is_unknown || base == unwind::kStack) return;
  if (base != unwind::kPointer) {  // an expression, or a register that is not kept here
    pointer.value = kNone;
    return;
  }
  const auto value = frame.pointer() - begin;
  const auto at = frame.pointer_at == 0 ? kInRegister : frame.pointer_at - begin;
  const bool is_below = at == kInRegister || (at % kWord == 0 && at < slots[count - 1]);
  if (is_below && value < kNone)
    pointer = {static_cast<std::uint32_t>(value), static_cast<std::uint32_t>(at)};
  else
    pointer.value = kNone;
}

// From frame to frame: if all so far are the same, the next is where it was, since a function's frame has one size; or
// where the frame pointer, which one with alloca has, is what it was. Behind it may be the end of the stack: so each
// further page is asked for.
bool Path::leads_from(const unwind::Frame& here, bool is_ours, Modules& all) const {
  const auto begin = here.stack();
  if (!is_recognisable || begin % kWord != 0) return false;
  const auto word_at = [&](std::uint32_t slot) { return *reinterpret_cast<const std::uintptr_t*>(begin + slot); };
  auto page = is_ours ? begin / kPage : 0;
  for (unsigned i = 1; i < count; ++i) {
    if (const auto& [value, at] = pointers[i - 1]; at != kNone) {
      const auto pointer = at == kInRegister ? here.pointer() : word_at(at);
      if (pointer != begin + value) return false;
    }
    const auto slot = begin + slots[i];
    if (slot / kPage != page && !unwind::is_there(slot)) return false;
    page = slot / kPage;
    if (word_at(slots[i]) != returns_to[i]) return false;
  }
  for (unsigned i = 0; i < count; ++i)
    if (modules[i] != kOwn && (i == 0 || modules[i] != modules[i - 1]) && !all.is_there(modules[i])) return false;
  return true;
}

}  // namespace stack
