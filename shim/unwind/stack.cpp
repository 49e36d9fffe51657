#include "unwind/stack.h"

#include <link.h>

#include <string_view>

#include "system/text.h"
#include "unwind/elf_image.h"

namespace stack {
namespace {

using unwind::Frame;
using unwind::Range;

// libc, the thread library that it was apart from before glibc 2.34, the kernel's own object, through which i386 makes
// its system calls, and we. None of them is ever unloaded.
struct Known {
  Range memory;
  std::uintptr_t table;
};
constexpr unsigned kMostKnown = 4;
constinit Known known[kMostKnown] = {};

const Known* known_around(std::uintptr_t address) {
  for (const auto& object : known)
    if (object.memory.holds(address)) return &object;
  return nullptr;
}

bool is_libc(std::string_view path) {
  const auto slash = path.rfind('/');
  const auto name = slash == path.npos ? path : text::part(path, slash + 1);
  for (const std::string_view libc :
       {"libc.so", "libc-2.", "libpthread", "ld-musl-", "libc.musl-", "linux-gate", "linux-vdso"})
    if (text::begins(name, libc)) return true;
  return false;
}

Known known_of(const dl_phdr_info& object) {
  Known found{};
  std::uintptr_t begin = ~std::uintptr_t{0};
  std::uintptr_t end = 0;
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto& segment = object.dlpi_phdr[i];
    const auto at = object.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_GNU_EH_FRAME) found.table = at;
    if (segment.p_type != PT_LOAD) continue;
    if (at < begin) begin = at;
    if (at + segment.p_memsz > end) end = at + segment.p_memsz;
  }
  found.memory = {begin, end};
  return found;
}

int visit(dl_phdr_info* object, std::size_t, void* count) {
  auto& index = *static_cast<unsigned*>(count);
  const Known candidate = known_of(*object);
  const bool is_ours = candidate.memory.holds(reinterpret_cast<std::uintptr_t>(&visit));
  if (is_ours || is_libc(object->dlpi_name)) known[index++] = candidate;
  return index == kMostKnown ? 1 : 0;
}

// How far up the callers of a function of libc can be. Its own frames are small.
constexpr std::uintptr_t kNear = 1 << 18;
constexpr int kDeepest = 24;

bool step_in_known(Frame& frame, const Known& object) {
  return unwind::step(frame, object.table, object.memory, {frame.stack(), frame.stack() + kNear});
}

}  // namespace

void know_libc() {
  unsigned count = 0;
  dl_iterate_phdr(visit, &count);
}

std::uintptr_t call_site(const void* context) {
  Frame frame = unwind::interrupted(context);
  const auto interrupted = frame.instruction();
  for (int i = 0; i < kDeepest; ++i) {
    const Known* object = known_around(frame.place());
    if (object == nullptr) return frame.instruction();
    if (!step_in_known(frame, *object)) break;
  }
  return interrupted;
}

void collect(Frame frame, const Maps& modules, unsigned most, Callers& callers) {
  callers.count = 0;
  if (frame.instruction() == 0) return;
  const Range stack{frame.stack(), modules.end_of_stack()};
  while (callers.count < most) {
    if (const Known* object = known_around(frame.place())) {
      if (!unwind::step(frame, object->table, object->memory, stack)) return;
      continue;
    }
    callers.returns_to[callers.count++] = frame.instruction();
    const Module* module = modules.around(frame.place());
    if (module == nullptr || module->start == 0) return;
    const ElfImage object(module->start, module->limit);
    if (!unwind::step(frame, object.frame_table(), {module->start, module->limit}, stack)) return;
  }
}

}  // namespace stack
