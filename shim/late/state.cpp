#include "late/state.h"

#include <cerrno>
#include <cstring>

#include "late/module.h"
#include "system/clock.h"

namespace late::state {

struct Record {
  unsigned phase;
  unsigned padding;
  std::int64_t since;
};
// Known beyond this file, since a link-time optimizer may put the note below into another.
[[gnu::used]] constinit Record record asm("nosigpipe_attached"){};

namespace {

asm(".pushsection .note.nosigpipe,\"a\"\n"
    ".balign 4\n"
    ".long 10, 4, 3\n"
    ".ascii \"nosigpipe\\0\\0\\0\"\n"
    ".long nosigpipe_attached - .\n"
    ".popsection");

enum : unsigned { kVersion = 1, kRecord = 3 };  // types of notes
constexpr std::string_view kOwner{"nosigpipe\0", 10};

}  // namespace

bool leave(Phase& phase) {
  unsigned found = phase;
  const bool is_left =
      __atomic_compare_exchange_n(&record.phase, &found, kBusy, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  phase = Phase{found};
  return is_left;
}

void enter(Phase phase) {
  record.since = kernel::clock_by_call(CLOCK_REALTIME).tv_sec;
  go_back_to(phase);
}

void go_back_to(Phase phase) { __atomic_store_n(&record.phase, phase, __ATOMIC_SEQ_CST); }

int armed_by_another() {
  int found = 0;
  each_module([&](const Module& module) {
    if (module.holds(&record) || module.note(kOwner, kVersion) == nullptr) return false;
    const auto* note = module.note(kOwner, kRecord);
    std::int32_t distance = 0;
    if (note != nullptr) memcpy(&distance, note, sizeof distance);
    const auto phase = note != nullptr ? reinterpret_cast<const Record*>(note + distance)->phase : unsigned{kArmed};
    if (phase == kArmed || phase == kBusy) found = note != nullptr ? EALREADY : EEXIST;
    return found != 0;
  });
  return found;
}

// The descriptor of each tells how far it is from what the thread's own register points to, or leads to the heap.
bool has_place_in_threads() {
#ifdef __x86_64__
  constexpr unsigned kDescriptor = R_X86_64_TLSDESC;
#else
  constexpr unsigned kDescriptor = R_386_TLS_DESC;
#endif
  constexpr std::intptr_t kFarthest = 16 << 20;
  bool has = true;
  each_module([&](const Module& module) {
    if (!module.holds(&record)) return false;
    module.each_slot([&](const Slot& slot) {
      const auto distance = static_cast<std::intptr_t>(slot.at[1]);
      if (slot.type == kDescriptor && (distance >= 0 || distance < -kFarthest)) has = false;
    });
    return true;
  });
  return has || arch::glibc.size == 0;
}

}  // namespace late::state
