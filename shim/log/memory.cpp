#include "log/memory.h"

#include <sys/mman.h>

#include "log/scratch.h"
#include "system/kernel.h"

namespace log_memory {
namespace {

struct Memory {
  call_sites::Table call_sites;
  scratch::Pool scratch;
};

}  // namespace

bool open() {
  const long mapped = kernel::map(sizeof(Memory));
  if (mapped < 0 && mapped > -4096) return false;
  auto* memory = reinterpret_cast<Memory*>(mapped);
  call_sites::is_emptied_by_fork = kernel::call(SYS_madvise, memory, sizeof *memory, MADV_WIPEONFORK) == 0;
  memory->call_sites.owner.store(kernel::pid());
  call_sites::table = &memory->call_sites;
  scratch::pool = &memory->scratch;
  return true;
}

}  // namespace log_memory
