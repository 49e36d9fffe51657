#include "unwind/modules.h"

#include <cstring>

#include "unwind/elf_image.h"
#include "unwind/stack.h"

namespace {

using Met = Modules::Met;

void read_sign(const ElfImage& image, Met& to) {
  const auto id = image.build_id();
  const auto size = id.end - id.begin;
  to.has_build_id = size > 0 && size <= sizeof to.sign;
  // Without one: where the program begins, and where the tables of segments and sections are.
  to.sign_at = to.has_build_id ? id.begin : to.mapped.start + offsetof(ElfW(Ehdr), e_entry);
  to.sign_size = to.has_build_id ? static_cast<unsigned>(size) : 3 * sizeof(ElfW(Addr));
  if (!unwind::copy(to.sign, to.sign_at, to.sign_size)) to.sign_size = 0;
}

// Tells its rows from those of another at its place, also in a child of fork, where these are still remembered.
std::uintptr_t identity_of(const Met& module) {
  auto identity = static_cast<std::uintptr_t>(module.mapped.file) ^ module.mapped.limit;
  for (const auto byte : module.sign) identity = identity * 31 + byte;
  return identity * 2;  // the last bit is the frame's
}

Met look_at(const Module& module) {
  Met now;
  now.mapped = module;
  if (const ElfImage image(module.start, module.limit); image.is_elf()) {
    now.base = image.base();
    read_sign(image, now);
    now.object = image.object();
    now.object.identity = identity_of(now);
  }
  return now;
}

bool is_same(const Met& one, const Met& other) {
  return one.mapped.begin == other.mapped.begin && one.mapped.end == other.mapped.end &&
         one.mapped.file == other.mapped.file && one.sign_at == other.sign_at &&
         memcmp(one.sign, other.sign, sizeof one.sign) == 0;
}

}  // namespace

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
  for (auto number = newest(); number != 0; number = list_[number].before) {
    const auto& mapped = list_[number].mapped;
    if (address - mapped.begin < mapped.end - mapped.begin && is_there(number)) return number;
  }
  return 0;
}

// One that comes and goes is met at the same places again and again, and may have gone since the picture was taken.
// What other threads enter meanwhile comes in front: so of one that several meet at once, each of them has the same
// number.
Modules::Number Modules::remember(const Module& module) {
  const auto now = look_at(module);
  if (now.sign_size == 0 && module.start != 0 && !unwind::is_there(module.start)) return 0;
  Number own = 0;
  for (Number compared = 0;;) {
    const Number first = newest();
    for (auto number = first; number != compared; number = list_[number].before) {
      if (!is_same(list_[number], now)) continue;
      list_[number].is_gone.store(false);
      if (own != 0) spare_.store(own);
      return number;
    }
    if (own == 0) own = filled(now);
    if (own == 0) return 0;
    list_[own].before = compared = first;
    if (unsigned before = first; newest_.compare_exchange_strong(before, own)) return own;
  }
}

Modules::Number Modules::filled(const Met& now) {
  unsigned number = spare_.exchange(0);
  if (number == 0 && count_.load() < kMost - 1) number = count_.fetch_add(1) + 1;
  if (number == 0 || number >= kMost) return 0;
  auto& own = list_[number];
  const auto kept = own.mapped.path;
  static_cast<Met&>(own) = now;
  own.mapped.path = kept == now.mapped.path ? kept : paths_.keep(now.mapped.path);
  own.stays = stack::stays(now.mapped.start);
  return static_cast<Number>(number);
}
