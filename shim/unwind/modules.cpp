#include "unwind/modules.h"

#include <algorithm>

#include "unwind/elf_image.h"
#include "unwind/stack.h"

namespace {

using Remembered = Modules::Remembered;

void read_sign(const ElfImage& image, Remembered& to) {
  const auto id = image.build_id();
  const auto size = id.end - id.begin;
  to.has_build_id = size > 0 && size <= sizeof to.sign;
  // Without one: where the program begins, and where the tables of segments and sections are.
  to.sign_at = to.has_build_id ? id.begin : to.mapped.start + offsetof(ElfW(Ehdr), e_entry);
  to.sign_size = to.has_build_id ? static_cast<unsigned>(size) : 3 * sizeof(ElfW(Addr));
  if (!unwind::copy(to.sign, to.sign_at, to.sign_size)) to.sign_size = 0;
}

// Tells its rows from those of another at its place, also in a child of fork, where these are still remembered.
std::uintptr_t identity_of(const Remembered& module) {
  auto identity = static_cast<std::uintptr_t>(module.mapped.file) ^ module.mapped.limit;
  for (const auto byte : module.sign) identity = identity * 31 + byte;
  return identity * 2;  // the last bit is the frame's
}

}  // namespace

unsigned Modules::count() const { return std::min(count_.load(), kMost - 1); }

bool Modules::is_there(Number number) {
  auto& known = list_[number];
  if (known.is_gone.load()) return false;
  if (known.sign_size == 0 || known.stays) return true;
  unsigned char now[sizeof known.sign];
  if (unwind::copy(now, known.sign_at, known.sign_size) && memcmp(now, known.sign, known.sign_size) == 0) return true;
  known.is_gone.store(true);
  return false;
}

Modules::Number Modules::around(std::uintptr_t address) {
  for (unsigned i = count(); i > 0; --i) {
    const auto& mapped = list_[i].mapped;
    const bool is_complete = is_complete_[i].load(std::memory_order_acquire) != 0;
    const auto number = static_cast<Number>(i);
    if (is_complete && address - mapped.begin < mapped.end - mapped.begin && is_there(number)) return number;
  }
  return 0;
}

// One that comes and goes is met at the same places again and again.
Modules::Number Modules::remember(const Module& module) {
  Remembered now{};
  now.mapped = module;
  if (const ElfImage image(module.start, module.limit); image.is_elf()) {
    now.base = image.base();
    read_sign(image, now);
    now.object = image.object();
    now.object.identity = identity_of(now);
  }
  for (unsigned i = count(); i > 0; --i) {
    auto& known = list_[i];
    if (is_complete_[i].load(std::memory_order_acquire) == 0 || known.mapped.begin != module.begin ||
        known.mapped.end != module.end || known.mapped.file != module.file || known.sign_at != now.sign_at ||
        memcmp(known.sign, now.sign, sizeof now.sign) != 0)
      continue;
    known.is_gone.store(false);
    return static_cast<Number>(i);
  }
  if (count_.load() >= kMost - 1) return 0;
  const unsigned number = count_.fetch_add(1) + 1;
  if (number >= kMost) return 0;
  auto& known = list_[number];
  known.mapped = module;
  known.mapped.path = paths_.keep(module.path);
  known.base = now.base;
  known.object = now.object;
  known.sign_at = now.sign_at;
  known.sign_size = now.sign_size;
  known.has_build_id = now.has_build_id;
  known.stays = stack::stays(module.start);
  memcpy(known.sign, now.sign, sizeof now.sign);
  is_complete_[number].store(true, std::memory_order_release);
  return static_cast<Number>(number);
}
