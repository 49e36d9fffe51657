#include "unwind/copy.h"

#include <errno.h>
#include <sys/uio.h>

#include <atomic>
#include <cstring>

#include "system/kernel.h"

namespace unwind {
namespace {

constinit std::atomic<bool> is_refused = false;  // process_vm_readv: by a filter, or by a kernel that has none
constinit std::atomic<bool> may_kill = false;    // it is not known what a filter does about it

// Between the question and the load another thread may still unmap it.
bool load(void* to, std::uintptr_t from, std::size_t size) {
  if (!kernel::can_read(from, size)) return false;
  memcpy(to, reinterpret_cast<const void*>(from), size);
  return true;
}

}  // namespace

bool is_there(std::uintptr_t address) { return kernel::can_read(address, 1); }

bool copy(void* to, std::uintptr_t from, std::size_t size) {
  if (is_refused.load(std::memory_order_relaxed) || may_kill.load(std::memory_order_relaxed))
    return load(to, from, size);
  const iovec here{to, size}, there{reinterpret_cast<void*>(from), size};
  const long copied =
      nosigpipe_syscall(SYS_process_vm_readv, kernel::pid(), kernel::word(&here), 1, kernel::word(&there), 1, 0);
  if (copied >= 0 || copied == -EFAULT) return copied == static_cast<long>(size);
  is_refused.store(true, std::memory_order_relaxed);
  return load(to, from, size);
}

void copy_in_filter(bool is_there) { may_kill.store(is_there, std::memory_order_relaxed); }

}  // namespace unwind
