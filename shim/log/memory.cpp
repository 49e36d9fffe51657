#include "log/memory.h"

#include <sys/mman.h>

#include <cstring>

#include "program/policy.h"
#include "system/at_start.h"

// By the kernel: not before Linux 4.14. Threads that come first at once all find the same.
static constinit std::atomic<bool> is_emptied_by_fork = false;

AT_START static constinit int started_as = 0;

void Memory::know_process() { started_as = kernel::pid(); }

// Zero; nullptr where there is none to be had.
template <class Content>
static Content* mapped() {
  const long result = kernel::map(sizeof(Content));
  return result < 0 && result > -4096 ? nullptr : reinterpret_cast<Content*>(result);
}

// Of threads that come here at once one is the first.
template <class Content>
static void make_known(Known<Content>& known, Content* own) {
  if (!known.make_known(own)) kernel::call(SYS_munmap, own, sizeof *own);
}

// That of a child of vfork, which may do more than it is allowed to, is its parent's. Where the kernel does not say
// whose memory it is (kcmp(2) may be left out, and asks for the right to trace), or a filter may kill for the question,
// it is taken for one of fork.
static int owner_of_memory() {
  const int own = kernel::pid();
  if (own == started_as || policy::started_in_filter()) return own;
  constexpr int kMemory = 1;  // KCMP_VM
  const auto parent = static_cast<int>(kernel::call(SYS_getppid));
  return kernel::call(SYS_kcmp, own, parent, kMemory, 0, 0) == 0 ? parent : own;
}

bool Memory::open() {
  auto* const found = mapped<Modules>();
  if (found == nullptr) return false;
  make_known(modules, found);
  auto* const own = mapped<Memory>();
  if (own == nullptr) return false;
  const bool is_emptied = kernel::call(SYS_madvise, own, sizeof *own, MADV_WIPEONFORK) == 0;
  is_emptied_by_fork.store(is_emptied, std::memory_order_relaxed);
  const int pid = owner_of_memory();
  own->owner.store(pid);
  own->is_as_opened = is_emptied && pid == started_as;
  make_known(memory, own);
  return true;
}

void Memory::begin_anew_after_fork() {
  const bool is_emptied = is_emptied_by_fork.load(std::memory_order_relaxed);
  int before = owner.load(std::memory_order_relaxed);
  if (is_emptied && before != 0) return;
  const int own = kernel::pid();
  if (before == own || !owner.compare_exchange_strong(before, own) || is_emptied) return;
  memset(static_cast<void*>(&state), 0, sizeof state);
  for (auto& some : scratch) some.taken.store(false);
}

bool Memory::in_child_of_vfork() {
  const int pid = owner.load();
  const int own = kernel::pid();
  if (pid == 0 || pid == own) return false;
  if (is_as_opened || pid == kernel::call(SYS_getppid)) return true;
  owner.store(own);
  return false;
}
