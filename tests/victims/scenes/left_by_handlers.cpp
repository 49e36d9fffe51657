// Scenes of what a handler of SIGPIPE leaves to the call that it was called for: another SIGPIPE, memory that is gone,
// another stack.
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "scenes.h"

// What a handler leaves pending, called for a dead socket, comes as it returns, behind the write to that socket. One
// that is to be called once finds the default then; others set it.
namespace {

int dead_one_of_handler;

void meets(void (*handler)(int), int flags) {
  struct sigaction act {};
  act.sa_handler = handler;
  act.sa_flags = flags;
  sigaction(SIGPIPE, &act, nullptr);
  const int fd = dead_socket();
  const ssize_t result = writev(fd, &one_byte, 1);
  printf("alive: %zd %s\n", result, strerror(errno));
}

constexpr int kOnce = static_cast<int>(SA_RESETHAND);

void sends_it_again(int) { kill(getpid(), SIGPIPE); }
void sets_default_and_sends_it_again(int) {
  signal(SIGPIPE, SIG_DFL);
  kill(getpid(), SIGPIPE);
}
void writes_by_hook(int) { writev(dead_one_of_handler, &one_byte, 1); }
void writes_by_number(int) { syscall(SYS_write, dead_one_of_handler, byte, 1); }
void writes_and_sends_it_again(int) {
  writes_by_hook(SIGPIPE);
  kill(getpid(), SIGPIPE);
}
void writes_unseen(int) { dprintf(dead_one_of_handler, "x"); }

void writes_in_handler(int dead, void (*handler)(int)) {
  dead_one_of_handler = dead;
  meets(handler, kOnce);
}

}  // namespace

SCENE(handler_that_dies_of_the_signal) { meets(sets_default_and_sends_it_again, 0); }
SCENE(handler_called_once_dies_of_the_signal) { meets(sends_it_again, kOnce); }
SCENE(handlers_die_of_the_signal) {
  for (const auto& verb : verbs()) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      signal(SIGPIPE, sets_default_and_sends_it_again);
      verb.call(dead_socket());
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf("%s: signal %d\n", verb.name, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  }
}
SCENE(handler_writes_to_dead_pipe) { writes_in_handler(dead_pipe(), writes_by_hook); }
SCENE(handler_writes_to_dead_pipe_by_number) { writes_in_handler(dead_pipe(), writes_by_number); }
SCENE(handler_writes_to_pipe_in_disguise) { writes_in_handler(dup2(dead_socket(), 2), writes_by_hook); }
SCENE(handler_writes_to_dead_socket_and_dies_of_the_signal) {
  writes_in_handler(dead_socket(), writes_and_sends_it_again);
}
SCENE(handler_writes_to_dead_socket) { writes_in_handler(dead_socket(), writes_by_hook); }
SCENE(handler_writes_to_dead_socket_unseen) { writes_in_handler(dead_socket(), writes_unseen); }

// It is sent in a call that lets SIGPIPE in, and is blocked again when that is over.
SCENE(handler_leaves_one_that_stays_pending) {
  block_sigpipe(SIG_BLOCK);
  signal(SIGPIPE, [](int) { kill(getpid(), SIGPIPE); });
  kill(getpid(), SIGPIPE);
  sigset_t none;
  sigemptyset(&none);
  sigsuspend(&none);
  siginfo_t info{};
  const sigset_t set = only_sigpipe();
  const timespec at_once{};
  printf("%d", pending());
  printf(" %d", sigtimedwait(&set, &info, &at_once));
  printf(" code %d error %d\n", info.si_code, info.si_errno);
}

// Another signal's handler takes it first, and finds it alone.
SCENE(what_a_handler_sends_is_taken_by_another) {
  static volatile int taken;
  struct sigaction act {};
  act.sa_handler = [](int) {
    const sigset_t set = only_sigpipe();
    const timespec at_once{};
    while (sigtimedwait(&set, nullptr, &at_once) == SIGPIPE) taken = taken + 1;
  };
  sigaddset(&act.sa_mask, SIGPIPE);
  sigaction(SIGUSR1, &act, nullptr);
  struct sigaction pipe {};
  pipe.sa_handler = [](int) {
    kill(getpid(), SIGPIPE);
    raise(SIGUSR1);
  };
  pipe.sa_flags = kOnce;
  sigaddset(&pipe.sa_mask, SIGUSR1);
  sigaction(SIGPIPE, &pipe, nullptr);
  const ssize_t result = writev(dead_socket(), &one_byte, 1);
  printf("alive: %zd, taken %d\n", result, taken);
}

// What the call is given that a handler interrupts lies in a page that the handler unmaps.
namespace {

struct Given {
  iovec part;
  msghdr message;
};
Given* given;

void unmaps(int) { munmap(given, sizeof *given); }
void unmaps_and_dies(int) {
  unmaps(SIGPIPE);
  sets_default_and_sends_it_again(SIGPIPE);
}

void gives(void (*handler)(int), long (*call)(int fd)) {
  signal(SIGPIPE, handler);
  given = static_cast<Given*>(mmap(nullptr, sizeof *given, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  given->part = one_byte;
  given->message.msg_iov = &given->part;
  given->message.msg_iovlen = 1;
  errno = 0;
  const long result = call(dead_socket());
  printf("%ld %s\n", result, strerror(errno));
}
long gives_vector(int fd) { return writev(fd, &given->part, 1); }
long gives_vector_by_number(int fd) { return syscall(SYS_writev, fd, &given->part, 1); }
long gives_message(int fd) { return sendmsg(fd, &given->message, 0); }

}  // namespace

SCENE(handler_unmaps_what_the_call_was_given) {
  for (const auto call : {gives_vector, gives_vector_by_number, gives_message}) gives(unmaps, call);
}
SCENE(handler_unmaps_a_vector_and_dies) { gives(unmaps_and_dies, gives_vector); }
SCENE(handler_unmaps_a_message_and_dies) { gives(unmaps_and_dies, gives_message); }
#ifdef __i386__
SCENE(handler_unmaps_arguments_and_dies) {
  gives(unmaps_and_dies, [](int fd) {
    auto* arguments = reinterpret_cast<long*>(given);
    arguments[0] = fd, arguments[1] = reinterpret_cast<long>("x"), arguments[2] = 1, arguments[3] = 0;
    return syscall(SYS_socketcall, 9, arguments);  // SYS_SEND
  });
}

// The kernel passes to a handler by registers, too, and leaves the alternate stack as the handler has set it.
namespace {

__attribute__((regparm(3))) void has_registers(int signal, siginfo_t* info, void* context) {
  printf("%d%s%s\n", signal, info != nullptr ? " siginfo" : "", context != nullptr ? " context" : "");
}

}  // namespace

SCENE(handler_has_its_arguments_in_registers) {
  struct sigaction act {};
  act.sa_sigaction = reinterpret_cast<void (*)(int, siginfo_t*, void*)>(reinterpret_cast<void*>(has_registers));
  for (const int flags : {0, SA_SIGINFO}) {
    act.sa_flags = flags;
    sigaction(SIGPIPE, &act, nullptr);
    writev(dead_socket(), &one_byte, 1);
  }
}
#endif

SCENE(handler_takes_an_alternate_stack) {
  static char first[1 << 16], second[1 << 16];
  const stack_t stack{first, 0, sizeof first};
  stack_t now{};
  for (const bool has_one : {false, true}) {
    if (has_one) sigaltstack(&stack, nullptr);
    signal(SIGPIPE, [](int) {
      const stack_t other{second, 0, sizeof second};
      sigaltstack(&other, nullptr);
    });
    writev(dead_socket(), &one_byte, 1);
    sigaltstack(nullptr, &now);
    puts(now.ss_sp == first ? "first" : now.ss_sp == second ? "second" : "none");
  }
}

// A handler's own stack may lie above that of the thread.
namespace {

constexpr size_t kSize = 1 << 18;
char* low;
int flags_of_stack;

// One that disarms itself does so at each signal.
void takes_the_stack_and_raises_another(int) {
  const stack_t stack{low + kSize, flags_of_stack, kSize};
  sigaltstack(&stack, nullptr);
  signal(SIGPIPE, SIG_DFL);
  raise(SIGUSR1);
}
void* runs_below_its_stack(void*) {
  meets(takes_the_stack_and_raises_another, 0);
  return nullptr;
}

void writes_to_pipe_above(int flags) {
  low = static_cast<char*>(mmap(nullptr, 2 * kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  flags_of_stack = flags;
  dead_one_of_handler = dead_pipe();
  struct sigaction act {};
  act.sa_handler = writes_by_hook;
  act.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &act, nullptr);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, low, kSize);
  pthread_t thread;
  pthread_create(&thread, &attributes, runs_below_its_stack, nullptr);
  pthread_join(thread, nullptr);
}

}  // namespace

SCENE(pipe_on_a_higher_stack_in_a_handler) { writes_to_pipe_above(0); }
SCENE(pipe_on_a_stack_that_disarms_itself_in_a_handler) {
  writes_to_pipe_above(static_cast<int>(1U << 31));  // SS_AUTODISARM
}

// Its code is there only when a handler of SIGSEGV has made it so, which has sent one more.
SCENE(sent_at_the_first_instruction_of_a_handler) {
  static auto* const code =
      static_cast<unsigned char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  code[0] = 0xc3;  // ret
  mprotect(code, 4096, PROT_NONE);
  struct sigaction fault {};
  fault.sa_handler = [](int) {
    mprotect(code, 4096, PROT_READ | PROT_EXEC);
    kill(getpid(), SIGPIPE);
  };
  sigaddset(&fault.sa_mask, SIGPIPE);
  sigaction(SIGSEGV, &fault, nullptr);
  meets(reinterpret_cast<void (*)(int)>(reinterpret_cast<std::uintptr_t>(code)),
        static_cast<int>(SA_SIGINFO | SA_NODEFER | SA_RESETHAND));
}

// By a child, as a coroutine waits whose stack ends with what is mapped.
namespace {

int waited_for[2];

void waits_at_the_end_of_its_stack() {
  char word;
  (void)!read(waited_for[0], &word, 1);
  puts("alive");
  fflush(stdout);
  _exit(0);
}

bool is_asleep(pid_t pid) {
  char path[32], state = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE* const file = fopen(path, "re");
  const bool is_read = file != nullptr && fscanf(file, "%*d %*s %c", &state) == 1;
  if (file != nullptr) fclose(file);
  return is_read && state == 'S';
}

}  // namespace

SCENE(sent_as_a_coroutine_waits) {
  if (pipe(waited_for) != 0) return;
  struct sigaction act {};  // without SA_RESTART: the call ends
  act.sa_handler = [](int) { (void)!write(waited_for[1], "x", 1); };
  sigaction(SIGPIPE, &act, nullptr);
  const pid_t parent = getpid();
  if (fork() == 0) {
    while (!is_asleep(parent)) sched_yield();
    kill(parent, SIGPIPE);
    _exit(0);
  }
  constexpr size_t kRoom = 1 << 16;
  auto* const room =
      static_cast<char*>(mmap(nullptr, kRoom + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(room + kRoom, 4096, PROT_NONE);
  ucontext_t routine;
  getcontext(&routine);
  routine.uc_stack = {room, 0, kRoom};
  routine.uc_link = nullptr;
  makecontext(&routine, waits_at_the_end_of_its_stack, 0);
  setcontext(&routine);
}
