// Writes to a dead socket at the end of a chain of calls that a log has to lead back along: first calls second calls
// third, which writes. It knows nothing of the shim.
//
// usage: stack_victim [WHERE] direct|stdio|unbuffered|raw|sort|last|twice
//
// WHERE: in-handler; in-thread; without-main, in a thread when the first one has ended. On x86-64 restored, by way of
// functions of which the first has its frame by a register, the next has given that back and written over where it was,
// and the last keeps it in another; own-caller, by way of one whose tables say that it was called by itself.
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

int fd = -1;
FILE* stream = nullptr;
std::string way;

[[gnu::always_inline]] inline void stay() { asm volatile("" ::: "memory"); }  // no call here ends a function
[[gnu::always_inline]] inline void keep(void* room) { asm volatile("" : : "r"(room) : "memory"); }

int compare(const void* left, const void*) {
  if (*static_cast<const char*>(left) == 'a') (void)!write(fd, "x", 1);
  stay();
  return 0;
}

}  // namespace

extern "C" {

[[gnu::noinline, noreturn]] void leaves() {
  (void)!write(fd, "x", 1);
  _exit(0);
}

[[gnu::noinline, noreturn]] void ends() { leaves(); }  // what this call would return to is in the next function

[[gnu::noinline]] void third(int depth) {
  char room[300];  // frames of odd sizes
  keep(room);
  if (way == "direct") (void)!write(fd, "x", 1);
  if (way == "stdio") {
    std::fputs("x", stream);
    std::fflush(stream);
  }
  if (way == "unbuffered") std::fprintf(stream, "%d and %s", depth, way.c_str());
  if (way == "raw") syscall(SYS_write, fd, "x", 1);
  if (way == "twice") {
    (void)!write(fd, "x", 1);
    (void)!write(fd, "y", 1);
  }
  if (way == "last") ends();
  if (way == "sort") {
    char letters[] = "ab";
    std::qsort(letters, 2, 1, compare);
  }
  stay();
}

[[gnu::noinline]] void second(int depth) {
  keep(__builtin_alloca(static_cast<size_t>(depth) * 100));
  third(depth);
  stay();
}

[[gnu::noinline]] void first(int depth) {
  second(depth);
  stay();
}

void on_signal(int) {
  first(3);
  stay();
}

void* in_thread(void*) {
  first(3);
  stay();
  return nullptr;
}

void* in_thread_alone(void*) {
  const auto path = "/proc/" + std::to_string(getpid()) + "/stat";
  for (char state = 0; state != 'Z';) {
    FILE* stat = std::fopen(path.c_str(), "r");
    if (stat == nullptr || std::fscanf(stat, "%*d (%*[^)]) %c", &state) != 1) _exit(2);
    std::fclose(stat);
  }
  first(3);
  _exit(0);
}

#ifdef __x86_64__
void framed_by_register(int depth);
void own_caller(int depth);
asm(R"(
  .text
  .type framed_by_register, @function
framed_by_register:
  .cfi_startproc
  push %rbx
  .cfi_adjust_cfa_offset 8
  .cfi_offset %rbx, -16
  mov %rsp, %rbx
  .cfi_def_cfa_register %rbx
  sub $32, %rsp
  call gives_back
  mov %rbx, %rsp
  .cfi_def_cfa_register %rsp
  pop %rbx
  .cfi_adjust_cfa_offset -8
  .cfi_restore %rbx
  ret
  .cfi_endproc
  .size framed_by_register, . - framed_by_register

  .type keeps_in_register, @function
keeps_in_register:
  .cfi_startproc
  push %r12
  .cfi_adjust_cfa_offset 8
  .cfi_offset %r12, -16
  mov %rbx, %r12
  .cfi_register %rbx, %r12
  xor %ebx, %ebx
  call third
  mov %r12, %rbx
  .cfi_restore %rbx
  pop %r12
  .cfi_adjust_cfa_offset -8
  .cfi_restore %r12
  ret
  .cfi_endproc
  .size keeps_in_register, . - keeps_in_register

  .type gives_back, @function
gives_back:
  .cfi_startproc
  push %rbx
  .cfi_adjust_cfa_offset 8
  .cfi_offset %rbx, -16
  .cfi_remember_state
  pop %rbx
  .cfi_adjust_cfa_offset -8
  .cfi_restore %rbx
  push $0
  .cfi_adjust_cfa_offset 8
  call keeps_in_register
  add $8, %rsp
  .cfi_adjust_cfa_offset -8
  ret
  .cfi_endproc
  .size gives_back, . - gives_back

  .type own_caller, @function
own_caller:
  .cfi_startproc
  sub $8, %rsp
  .cfi_def_cfa %rsp, 0
  call third
  add $8, %rsp
  ret
  .cfi_endproc
  .size own_caller, . - own_caller
)");
#endif

}  // extern "C"

int main(int argc, char* argv[]) {
  int ends[2];
  if (argc < 2 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 2;
  close(ends[1]);
  fd = ends[0];
  stream = fdopen(fd, "w");
  way = argv[argc - 1];
  if (way == "unbuffered") setvbuf(stream, nullptr, _IONBF, 0);
  const std::string where = argv[1];
  pthread_t thread;
  if (where == "in-handler") {
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
  } else if (where == "in-thread") {
    if (pthread_create(&thread, nullptr, in_thread, nullptr) == 0) pthread_join(thread, nullptr);
  } else if (where == "without-main") {
    if (pthread_create(&thread, nullptr, in_thread_alone, nullptr) == 0) pthread_exit(nullptr);
#ifdef __x86_64__
  } else if (where == "restored") {
    framed_by_register(3);
  } else if (where == "own-caller") {
    own_caller(3);
#endif
  } else {
    first(3);
  }
  _exit(0);  // and not once more at the end, by stdio
}
