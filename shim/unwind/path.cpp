#include "unwind/path.h"

#include "unwind/copy.h"

using kernel::kPage;

namespace stack {

constexpr auto kWord = sizeof(std::uintptr_t);

bool Path::add(const unwind::Frame& frame, std::uintptr_t begin, Modules::Number module) {
  if (count == kMost) return false;
  const auto slot = count == 0 ? 0 : frame.returns_at - begin;
  const bool is_above = slot <= ~std::uint32_t{0} && slot % kWord == 0 && (count < 2 || slot > slots[count - 1]);
  is_recognisable = is_recognisable && is_above;
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

// From frame to frame: if all so far are the same, the next is where it was, since a function's frame has one size. One
// with alloca has not, and behind it may be the end of the stack: so each further page is asked for. What an earlier
// call has left there can pass for a frame only where the stack pointer is the same, and all callers of both.
bool Path::leads_from(std::uintptr_t stack_pointer, bool is_ours, Modules& all) const {
  if (!is_recognisable || stack_pointer % kWord != 0) return false;
  auto page = is_ours ? stack_pointer / kPage : 0;
  for (unsigned i = 1; i < count; ++i) {
    const auto at = stack_pointer + slots[i];
    if (at / kPage != page && !unwind::is_there(at)) return false;
    page = at / kPage;
    if (*reinterpret_cast<const std::uintptr_t*>(at) != returns_to[i]) return false;
  }
  for (unsigned i = 0; i < count; ++i)
    if (modules[i] != kOwn && (i == 0 || modules[i] != modules[i - 1]) && !all.is_there(modules[i])) return false;
  return true;
}

}  // namespace stack
