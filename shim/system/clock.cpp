#include "system/clock.h"

#include <sys/auxv.h>
#include <sys/prctl.h>

#include <atomic>
#include <cerrno>

#include "system/elf_symbols.h"
#include "system/kernel.h"

namespace kernel {
namespace {

// In the layout of the machine's long; the vDSO of a 32-bit machine has a time of 64 bits under another name.
using Clock = int(clockid_t, long*);

int by_system_call(clockid_t which, long* time) { return static_cast<int>(call(SYS_clock_gettime, which, time)); }

// Elsewhere it has other names, and on ppc64le is called in another way.
Clock* in_vdso() {
  constexpr SymbolName kName{"__vdso_clock_gettime"};
  const int error = errno;
  const auto base = getauxval(AT_SYSINFO_EHDR);
  errno = error;  // ENOENT where there is no such entry
  if (base == 0) return nullptr;
  const auto& header = *reinterpret_cast<const ElfW(Ehdr)*>(base);
  const ElfSymbols symbols(base, reinterpret_cast<const ElfW(Phdr)*>(base + header.e_phoff), header.e_phnum);
  return reinterpret_cast<Clock*>(symbols.find(kName));
}

constinit std::atomic<Clock*> known = nullptr;

}  // namespace

timespec clock(clockid_t which) {
  long time[2] = {};
  auto* read = known.load(std::memory_order_relaxed);
  if (read == nullptr) {
    auto* found = in_vdso();
    if (found == nullptr) found = by_system_call;
    read = known.compare_exchange_strong(read, found) ? found : read;
  }
  read(which, time);
  return {time[0], time[1]};
}

timespec clock_by_call(clockid_t which) {
  long time[2] = {};
  by_system_call(which, time);
  return {time[0], time[1]};
}

void before_prctl(long option, unsigned long how) {
  if (option == PR_SET_TSC && how == PR_TSC_SIGSEGV) known.store(by_system_call);
}

}  // namespace kernel
