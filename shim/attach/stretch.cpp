#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/stretch.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "attach/refusal.h"

namespace attach {

static_assert(offsetof(Step, stack) == 7UL * 8 && offsetof(Step, kind) == 8UL * 8 && offsetof(Step, result) == 9UL * 8);
static_assert(kStepWords == 10 && Step::function == 1 && Step::leave == 2);

asm(R"(
  .pushsection .rodata
nosigpipe_stretch_x86_64:
  mov (%rbx), %rax
  mov 8(%rbx), %rdi
  mov 16(%rbx), %rsi
  mov 24(%rbx), %rdx
  mov 32(%rbx), %rcx
  mov %rcx, %r10
  mov 40(%rbx), %r8
  mov 48(%rbx), %r9
  mov 56(%rbx), %rsp
  cmpq $1, 64(%rbx)
  jb 1f
  ja 3f
  call *%rax
  jmp 2f
1:syscall
nosigpipe_behind_call_x86_64:
2:mov %rax, 72(%rbx)
  add $80, %rbx
  jmp nosigpipe_stretch_x86_64
3:mov (%rdi), %rax
  and 8(%rdi), %rax
  jz 4f
  movq $-4, (%rsi)
  mov %rcx, (%rdx)
4:mov $15, %eax
  syscall
nosigpipe_stretch_end_x86_64:
  .popsection
)");

// All registers but the stack pointer are arguments of a system call, so the step is kept on the stack; of a function
// the arguments are there, with its address a multiple of 16.
asm(R"(
  .pushsection .rodata
  .code32
nosigpipe_stretch_i386:
  mov 28(%ebx), %esp
  cmpl $1, 32(%ebx)
  ja 3f
  je 2f
  push %ebx
  mov (%ebx), %eax
  mov 8(%ebx), %ecx
  mov 12(%ebx), %edx
  mov 16(%ebx), %esi
  mov 20(%ebx), %edi
  mov 24(%ebx), %ebp
  mov 4(%ebx), %ebx
  int $0x80
nosigpipe_behind_call_i386:
  pop %ebx
1:mov %eax, 36(%ebx)
  add $40, %ebx
  jmp nosigpipe_stretch_i386
2:sub $8, %esp
  pushl 24(%ebx)
  pushl 20(%ebx)
  pushl 16(%ebx)
  pushl 12(%ebx)
  pushl 8(%ebx)
  pushl 4(%ebx)
  call *(%ebx)
  jmp 1b
3:mov 4(%ebx), %esi
  mov (%esi), %eax
  and 8(%esi), %eax
  mov 4(%esi), %edx
  and 12(%esi), %edx
  or %edx, %eax
  jz 4f
  mov 8(%ebx), %edi
  movl $-4, (%edi)
  mov 12(%ebx), %edi
  mov 16(%ebx), %eax
  mov %eax, (%edi)
4:mov $173, %eax
  int $0x80
nosigpipe_stretch_end_i386:
  .code64
  .popsection
)");

extern "C" const char nosigpipe_stretch_x86_64[], nosigpipe_behind_call_x86_64[], nosigpipe_stretch_end_x86_64[];
extern "C" const char nosigpipe_stretch_i386[], nosigpipe_behind_call_i386[], nosigpipe_stretch_end_i386[];

namespace {

struct Code {
  const char *begin, *behind_call, *end;
};
constexpr Code kX86_64{nosigpipe_stretch_x86_64, nosigpipe_behind_call_x86_64, nosigpipe_stretch_end_x86_64};
constexpr Code kI386{nosigpipe_stretch_i386, nosigpipe_behind_call_i386, nosigpipe_stretch_end_i386};

const Code& code_of(Machine machine) { return machine == Machine::x86_64 ? kX86_64 : kI386; }

// At this place, where zeros are or what another has placed. False where something else is.
bool is_placed(const Target& target, TracedThread& thread, std::string_view code, std::uint64_t at) {
  std::string there(code.size(), '\1');
  if (!target.read(at, there.data(), there.size())) return false;
  for (std::size_t i = 0; i < code.size(); ++i)
    if (there[i] != '\0' && there[i] != code[i]) return false;
  for (std::size_t i = 0; i < code.size(); i += sizeof(long)) {
    long word = 0;
    std::memcpy(&word, code.data() + i, sizeof word);
    if (there.compare(i, sizeof word, code, i, sizeof word) != 0 && !thread.poke(at + i, word)) return false;
  }
  return true;
}

}  // namespace

std::uint64_t place_stretch(const Target& target, TracedThread& thread, Machine machine,
                            std::vector<Mapping> mappings) {
  const auto& [begin, behind_call, end] = code_of(machine);
  std::string code(begin, end);
  code.resize((code.size() + 63) / 64 * 64);
  std::erase_if(mappings, [](const auto& one) {
    return !one.executable || one.writable || one.shared || one.path == "[vsyscall]";
  });
  std::stable_partition(mappings.begin(), mappings.end(), [](const auto& one) { return one.path == "[vdso]"; });
  for (const auto& mapping : mappings)
    if (const auto at = mapping.end - code.size(); is_placed(target, thread, code, at)) return at;
  throw Refusal("there is no room for our code in what it executes");
}

std::size_t offset_behind_system_call(Machine machine) {
  const auto& code = code_of(machine);
  return static_cast<std::size_t>(code.behind_call - code.begin);
}

}  // namespace attach
#endif
