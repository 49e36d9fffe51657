#include "unwind/stack.h"

#include <link.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "system/text.h"
#include "unwind/elf_image.h"

namespace stack {
namespace {

using unwind::Frame;
using unwind::Object;
using unwind::Range;

// libc, the thread library that it was apart from before glibc 2.34, the kernel's own object, through which i386 makes
// its system calls, and we. None of them is ever unloaded.
constexpr unsigned kMostKnown = 4;
constinit Object known[kMostKnown] = {};
constinit unsigned known_count = 0;

const Object* known_around(std::uintptr_t address) {
  for (const auto& object : known)
    if (object.memory.holds(address)) return &object;
  return nullptr;
}

bool is_libc(std::string_view path) {
  const auto name = text::part(path, path.rfind('/') + 1);
  for (const std::string_view libc :
       {"libc.so", "libc-2.", "libpthread", "ld-musl-", "libc.musl-", "linux-gate", "linux-vdso"})
    if (text::begins(name, libc)) return true;
  return false;
}

Object object_of(const dl_phdr_info& info) {
  Object found{{~std::uintptr_t{0}, 0}, 0};
  for (const auto& segment : std::span(info.dlpi_phdr, info.dlpi_phnum)) {
    const auto at = info.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_GNU_EH_FRAME) found.table = at;
    if (segment.p_type != PT_LOAD) continue;
    found.memory.begin = std::min(found.memory.begin, at);
    found.memory.end = std::max(found.memory.end, at + segment.p_memsz);
  }
  return found;
}

int visit(dl_phdr_info* info, std::size_t, void*) {
  const Object object = object_of(*info);
  const bool is_ours = object.memory.holds(reinterpret_cast<std::uintptr_t>(&visit));
  if (is_ours || is_libc(info->dlpi_name)) known[known_count++] = object;
  return known_count == kMostKnown ? 1 : 0;
}

// How far up the callers of a function of libc can be. Its own frames are small.
constexpr std::uintptr_t kNear = 1 << 18;
constexpr int kDeepest = 24;

// Goes on to the first function that is not libc's. False where libc's tables do not say.
bool leave_libc(Frame& frame, Range stack) {
  for (int i = 0; i < kDeepest; ++i) {
    const Object* libc = known_around(frame.place());
    if (libc == nullptr) return true;
    if (!unwind::step(frame, *libc, stack)) return false;
  }
  return false;
}

}  // namespace

void know_libc() { dl_iterate_phdr(visit, nullptr); }

std::uintptr_t call_site(const void* context) {
  Frame frame = unwind::interrupted(context);
  const auto interrupted = frame.instruction();
  return leave_libc(frame, {frame.stack(), frame.stack() + kNear}) ? frame.instruction() : interrupted;
}

void collect(Frame frame, const Maps& modules, unsigned most, Callers& callers) {
  callers.count = 0;
  if (frame.instruction() == 0) return;
  const Range stack{frame.stack(), modules.end_of_stack()};
  while (callers.count < most && leave_libc(frame, stack)) {
    callers.returns_to[callers.count++] = frame.instruction();
    const Module* module = modules.around(frame.place());
    if (module == nullptr || module->start == 0) return;
    if (!unwind::step(frame, ElfImage(module->start, module->limit).object(), stack)) return;
  }
}

}  // namespace stack
