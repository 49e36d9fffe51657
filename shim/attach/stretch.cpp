#ifdef __x86_64__  // elsewhere nothing is armed, see arm.cpp
#include "attach/stretch.h"

#include <cstddef>

namespace attach {

static_assert(offsetof(Step, stack) == 56 && offsetof(Step, kind) == 64 && offsetof(Step, result) == 72);
static_assert(sizeof(Step) == 80 && Step::function == 1 && Step::leave == 2);

asm(R"(
  .pushsection .rodata
nosigpipe_stretch:
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
nosigpipe_stretch_behind_call:
2:mov %rax, 72(%rbx)
  add $80, %rbx
  jmp nosigpipe_stretch
3:and (%rdi), %rsi
  jz 4f
  movq $-4, (%rdx)
  mov %r8, (%rcx)
4:mov $15, %eax
  syscall
nosigpipe_stretch_end:
  .popsection
)");

extern "C" const char nosigpipe_stretch[], nosigpipe_stretch_behind_call[], nosigpipe_stretch_end[];

std::string_view stretch_code() {
  return {nosigpipe_stretch, static_cast<std::size_t>(nosigpipe_stretch_end - nosigpipe_stretch)};
}

std::size_t offset_behind_system_call() {
  return static_cast<std::size_t>(nosigpipe_stretch_behind_call - nosigpipe_stretch);
}

}  // namespace attach
#endif
