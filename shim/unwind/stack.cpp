#include "unwind/stack.h"

#include <link.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "system/at_start.h"
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
AT_START constinit Object known[kMostKnown] = {};
AT_START constinit unsigned known_count = 0;

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

// What is loaded at the start is never unloaded.
constexpr unsigned kMostStaying = 128;
AT_START constinit std::uintptr_t staying[kMostStaying] = {};
AT_START constinit unsigned staying_count = 0;
AT_START constinit Range executable{};

int visit(dl_phdr_info* info, std::size_t, void*) {
  const Object object = object_of(*info);
  const bool is_ours = object.memory.holds(reinterpret_cast<std::uintptr_t>(&visit));
  if ((is_ours || is_libc(info->dlpi_name)) && known_count < kMostKnown) known[known_count++] = object;
  if (staying_count == 0) executable = object.memory;  // it comes first
  if (staying_count < kMostStaying) staying[staying_count++] = object.memory.begin;
  return 0;
}

// Where libc has no tables, as musl has none: the first word of the stack that a call in the program returns to.
bool find_program(Frame& frame, Stack& stack) {
  constexpr std::uintptr_t kWord = sizeof(std::uintptr_t), kNear = 4096;  // in words
  auto at = (frame.stack() + kWord - 1) & ~(kWord - 1);
  std::uintptr_t word = 0;
  for (unsigned i = 0; i < kNear && stack.load(at, word); ++i, at += kWord) {
    if (!executable.holds(word) || !unwind::is_returned_to(word)) continue;
    frame.registers[unwind::kReturn] = word;
    frame.registers[unwind::kStack] = at + kWord;
    frame.returns_at = at;
    frame.is_exact = false;
    frame.is_guessed = true;
    return true;
  }
  return false;
}

}  // namespace

void know_objects() { dl_iterate_phdr(visit, nullptr); }

bool stays(std::uintptr_t start) {
  return std::find(staying, staying + staying_count, start) != staying + staying_count;
}

Modules::Number Lookup::operator()(std::uintptr_t address) const {
  const auto number = modules.around(address);
  const Module* mapped = number == 0 && maps != nullptr ? maps->around(address) : nullptr;
  return mapped != nullptr ? modules.remember(*mapped) : number;
}

bool collect(Frame frame, unsigned most, const Lookup& lookup, Path& path) {
  const auto begin = frame.stack();
  Stack stack(begin);
  path.count = 0;
  path.is_followed = path.is_recognisable = true;
  bool has_executable = most == 0;
  for (unsigned callers = 0; frame.instruction() != 0;) {
    const Object* own = known_around(frame.place());
    if (callers > 0 && frame.is_exact && own == nullptr) return true;  // the handler came in the midst of that
    const auto module = own != nullptr ? Path::kOwn : lookup(frame.place());
    if (!path.add(frame, begin, module)) return true;
    if (module == 0) return false;
    if (own == nullptr) {
      has_executable = has_executable || executable.holds(frame.place());
      if (++callers == kMostCallers || (callers >= most && has_executable)) return true;
    }
    // What libc, or we, have no table for is not guessed: their compilers keep no frame pointer.
    const auto row = unwind::row_of(frame, own != nullptr ? *own : lookup.modules.at(module).object, own == nullptr);
    path.leads_on_by(row, frame, begin);
    const bool searches = row.is_unknown && own != nullptr && callers == 0;
    if (!(searches ? find_program(frame, stack) : unwind::follow(frame, row, stack))) return true;
  }
  return true;
}

bool only(std::uintptr_t place, const Lookup& lookup, Path& path) {
  path.is_followed = path.is_recognisable = false;
  path.count = 1;
  path.returns_to[0] = place;
  path.modules[0] = lookup(place - 1);
  return path.modules[0] != 0;
}

}  // namespace stack
