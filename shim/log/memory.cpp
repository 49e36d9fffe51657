#include "log/memory.h"

#include <sys/mman.h>

#include <cstring>

static constinit bool is_emptied_by_fork = false;  // by the kernel: not before Linux 4.14

bool Memory::open() {
  const long mapped = kernel::map(sizeof(Memory));
  if (mapped < 0 && mapped > -4096) return false;
  memory = reinterpret_cast<Memory*>(mapped);
  is_emptied_by_fork = kernel::call(SYS_madvise, memory, sizeof *memory, MADV_WIPEONFORK) == 0;
  memory->owner.store(kernel::pid());
  memory->is_as_opened = is_emptied_by_fork;
  return true;
}

void Memory::begin_anew_after_fork() {
  int before = owner.load(std::memory_order_relaxed);
  if (is_emptied_by_fork && before != 0) return;
  const int own = kernel::pid();
  if (before == own || !owner.compare_exchange_strong(before, own) || is_emptied_by_fork) return;
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
