#include "late/got.h"

#include <linux/futex.h>
#include <sys/auxv.h>

#include <bit>

#include "late/functions.h"
#include "system/kernel.h"
#include "system/real.h"

namespace late::got {
namespace {

#ifdef __x86_64__
enum : unsigned { kPlt = R_X86_64_JUMP_SLOT, kGot = R_X86_64_GLOB_DAT, kData = R_X86_64_64 };
#else
enum : unsigned { kPlt = R_386_JMP_SLOT, kGot = R_386_GLOB_DAT, kData = R_386_32 };
#endif

// What has been turned, and where it led before. More than there is room for are left.
struct Turned {
  std::uintptr_t* slot;
  std::uintptr_t before;
};
constinit Turned turned[8192] = {};
constinit unsigned turned_count = 0;

// Whether it can be written to: nothing is added to it. Where nobody says it cannot.
bool is_writable(std::uintptr_t address) {
  int own = 0;
  constexpr int kAddNothing = FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0);
  return nosigpipe_syscall(SYS_futex, kernel::word(&own), FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 0, 0,
                           static_cast<long>(address), kAddNothing) >= 0;
}

// An object's slots, of which some are in pages that the loader has made unwritable: made writable with the first of
// them, and back at the end.
class Writing {
 public:
  explicit Writing(const Module& module) : relro_(module.relro()) {}
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  ~Writing() {
    if (is_open_) protect(PROT_READ);
  }

  bool replace(std::uintptr_t* slot, std::uintptr_t before, std::uintptr_t now) {
    const auto address = reinterpret_cast<std::uintptr_t>(slot);
    if (relro_.begin < relro_.end && relro_.holds(address))
      is_open_ = is_open_ || protect(PROT_READ | PROT_WRITE);
    else if (!is_writable(address))
      return false;
    return (is_open_ || !relro_.holds(address)) &&
           __atomic_compare_exchange_n(slot, &before, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  }

 private:
  bool protect(int how) const { return kernel::call(SYS_mprotect, relro_.begin, relro_.end - relro_.begin, how) == 0; }

  unwind::Range relro_;
  bool is_open_ = false;
};

// The loader makes it unwritable as the last step of its relocation: until then another thread is at it.
bool is_being_loaded(const Module& module) {
  const auto relro = module.relro();
  return relro.begin < relro.end && is_writable(relro.begin);
}

bool is_left(const Module& module) {
  static const int inside = 0;
  const auto is_at = [&](unsigned long type) {
    const auto base = getauxval(type);
    return base != 0 && module.holds(reinterpret_cast<const void*>(base));
  };
  return module.holds(&inside) || is_at(AT_BASE) || is_at(AT_SYSINFO_EHDR) || real::is_of_libc(module.symbols()) ||
         is_being_loaded(module);
}

// Whether what stands there leads to libc's function, or will when it is called for the first time.
bool leads_to_libc(const Module& module, const Slot& slot, unsigned function, std::uintptr_t now) {
  if (is_in_libc(function, now)) return true;
  return slot.type == kPlt && !slot.is_defined_here && !is_ambiguous(function) && module.symbols().code().holds(now);
}

template <class Change>
Count change_all(Change change) {
  Count count{};
  static_assert(kFunctions <= 64);
  std::uint64_t functions = 0;
  each_module([&](const Module& module) {
    if (is_left(module)) return false;
    Writing writing(module);
    bool any = false;
    module.each_slot([&](const Slot& slot) {
      const bool is_aligned = reinterpret_cast<std::uintptr_t>(slot.at) % sizeof *slot.at == 0;
      if ((slot.type != kPlt && slot.type != kGot && slot.type != kData) || !is_aligned) return;
      const auto function = function_of(slot.name);
      if (function == kFunctions || !change(writing, module, slot, function)) return;
      functions |= std::uint64_t{1} << function;
      any = true;
    });
    count.modules += any;
    return false;
  });
  count.functions = static_cast<unsigned>(std::popcount(functions));
  return count;
}

}  // namespace

Count turn() {
  turned_count = 0;
  find_functions();
  return change_all([](Writing& writing, const Module& module, const Slot& slot, unsigned function) {
    const auto now = __atomic_load_n(slot.at, __ATOMIC_SEQ_CST);
    if (turned_count == std::size(turned) || !leads_to_libc(module, slot, function, now)) return false;
    turned[turned_count] = {slot.at, now};
    const bool is_done = writing.replace(slot.at, now, hook_of(function));
    turned_count += is_done;
    return is_done;
  });
}

// They come in the order in which they were turned, but for what is gone or new.
Count turn_back() {
  return change_all([next = 0U](Writing& writing, const Module&, const Slot& slot, unsigned function) mutable {
    for (unsigned looked = 0; looked < turned_count; ++looked, ++next) {
      if (next >= turned_count) next = 0;
      if (turned[next].slot == slot.at) return writing.replace(slot.at, hook_of(function), turned[next++].before);
    }
    return false;
  });
}

}  // namespace late::got
