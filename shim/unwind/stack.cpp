#include "unwind/stack.h"

#include <link.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "system/proc.h"
#include "system/text.h"
#include "unwind/elf_image.h"
#include "unwind/guess.h"

namespace stack {
namespace {

using unwind::Frame;
using unwind::Object;
using unwind::Range;
using unwind::Stack;

// libc, the thread library that it was apart from before glibc 2.34, the kernel's own object, through which i386 makes
// its system calls, and we. None of them is ever unloaded.
constexpr unsigned kMostKnown = 4;
constinit Object known[kMostKnown] = {};
constinit unsigned known_count = 0;
constinit Range program;  // its code: the first object that the dynamic linker names

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
  Object found{{~std::uintptr_t{0}, 0}};
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
  if (program.begin == 0) program = object.memory;
  const bool is_ours = object.memory.holds(reinterpret_cast<std::uintptr_t>(&visit));
  if (is_ours || is_libc(info->dlpi_name)) known[known_count++] = object;
  return known_count == kMostKnown ? 1 : 0;
}

constexpr int kDeepest = 24;

// Where libc has no tables, as musl has none: the first word of the stack that a call in the program returns to.
bool find_program(Frame& frame, Stack& stack) {
  constexpr std::uintptr_t kWord = sizeof(std::uintptr_t), kNear = 4096 * kWord;
  const auto begin = (frame.stack() + kWord - 1) & ~(kWord - 1);
  std::uintptr_t word = 0;
  for (auto at = begin; at < begin + kNear && stack.load(at, word); at += kWord) {
    if (!program.holds(word) || !unwind::is_returned_to(word)) continue;
    frame.registers[unwind::kReturn] = word;
    frame.registers[unwind::kStack] = at + kWord;
    frame.is_exact = false;
    frame.is_guessed = true;
    return true;
  }
  return false;
}

// Goes on to the first function that is not libc's. False where nothing says which that is.
bool leave_libc(Frame& frame, Stack& stack, bool may_search) {
  for (int i = 0; i < kDeepest; ++i) {
    const Object* libc = known_around(frame.place());
    if (libc == nullptr) return true;
    const auto row = unwind::row_of(frame, *libc, false);
    if (row.is_unknown) return may_search && find_program(frame, stack);
    if (!unwind::follow(frame, row, stack)) return false;
  }
  return false;
}

}  // namespace

void know_libc() {
  dl_iterate_phdr(visit, nullptr);
  if (proc::status().has_filter) unwind::copy_in_filter();
}

std::uintptr_t call_site(const void* context) {
  Frame frame = unwind::interrupted(context);
  const auto interrupted = frame.instruction();
  Stack stack(frame.stack());
  return leave_libc(frame, stack, true) ? frame.instruction() : interrupted;
}

void collect(Frame frame, const Maps& modules, unsigned most, Callers& callers) {
  callers.count = 0;
  if (frame.instruction() == 0) return;
  Stack stack(frame.stack());
  while (callers.count < most && leave_libc(frame, stack, callers.count == 0)) {
    callers.returns_to[callers.count++] = frame.instruction();
    const Module* module = modules.around(frame.place());
    const bool is_object = module != nullptr && module->start != 0;
    const auto object = is_object ? ElfImage(module->start, module->limit, module->file).object() : Object{};
    if (!unwind::step(frame, object, stack)) return;
  }
}

}  // namespace stack
