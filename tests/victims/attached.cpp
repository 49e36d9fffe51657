// Waits in a system call, each time for what a child of its does when it is told to by a byte on standard input; says
// what the call has returned, writes to a socket whose peer is gone, and says "alive". usage: attached KIND [futex=N]
// [spin=N] [malloc=N]: with so many threads besides that wait for a lock, compute, allocate; [loading=LIBRARY]: with
// one that loads libconstructed.so and is in its constructor; [ending=N]: with a handler of signal N that ends a call;
// [dispatched=1]: with its system calls sent to itself, but for those that libc makes
#include <dlfcn.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>
#include <thread>

#include "victims/filter.h"
#include "victims/sockets.h"

namespace {

Pair wakes;  // the child writes to `theirs`
int listener, epoll, semaphore_set, messages;
mqd_t queue;
sem_t* shared;
char byte;
std::atomic<bool> is_woken;
pid_t other;  // a second child, that is waited for

const timespec kLong{1000, 0};

timeval long_time() { return {1000, 0}; }

long with_timeout(int fd) {
  const timeval time = long_time();
  return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

long accepted() {
  const int fd = accept(listener, nullptr, nullptr);
  if (fd >= 0) close(fd);
  return fd >= 0 ? 1 : -1;
}

// Of the pair, once it can be read.
long drained(long result) {
  const int kept = errno;
  if (result > 0) must(read(wakes.ours, &byte, 1), "read");
  errno = kept;
  return result;
}

long wait_in_select(bool with_mask) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(wakes.ours, &set);
  timeval time = long_time();
  sigset_t none;
  sigemptyset(&none);
  return drained(with_mask ? pselect(wakes.ours + 1, &set, nullptr, nullptr, &kLong, &none)
                           : select(wakes.ours + 1, &set, nullptr, nullptr, &time));
}

long wait_in_poll(bool with_mask) {
  pollfd fd{wakes.ours, POLLIN, 0};
  sigset_t none;
  sigemptyset(&none);
  return drained(with_mask ? ppoll(&fd, 1, &kLong, &none) : poll(&fd, 1, 1000'000));
}

long wait_in_epoll(bool with_mask) {
  epoll_event event;
  sigset_t none;
  sigemptyset(&none);
  return drained(with_mask ? epoll_pwait(epoll, &event, 1, 1000'000, &none) : epoll_wait(epoll, &event, 1, -1));
}

long wait_in_recvmsg(bool many) {
  iovec part{&byte, 1};
  mmsghdr message{};
  message.msg_hdr.msg_iov = &part;
  message.msg_hdr.msg_iovlen = 1;
  return many ? recvmmsg(wakes.ours, &message, 1, 0, nullptr) : recvmsg(wakes.ours, &message.msg_hdr, 0);
}

void be_woken(int) { is_woken = true; }

void read_in_handler(int) { must(read(wakes.ours, &byte, 1), "read"); }

// What is to be interrupted: a call that is not restarted, and one that is.
void in_alarm(void (*handler)(int), int flags, bool is_restarted) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags | (is_restarted ? SA_RESTART : 0);
  sigaction(SIGALRM, &action, nullptr);
  const itimerval soon{{0, 0}, {0, 20'000}};
  setitimer(ITIMER_REAL, &soon, nullptr);
  if (is_restarted)
    must(recv(wakes.ours, &byte, 1, 0), "recv");
  else
    poll(nullptr, 0, -1);
}

// The frame of a signal that was handled long ago lies in the room of a buffer that nothing was written to.
[[gnu::noinline]] long read_into_large_buffer() {
  char buffer[1 << 16];
  asm volatile("" ::"r"(buffer) : "memory");
  return static_cast<long>(read(wakes.ours, &byte, 1));
}

long read_above_left_frame(bool is_restarted) {
  const auto nothing = [](int) {};
  const auto wake_up = [](int) { must(write(wakes.theirs, "x", 1), "write"); };
  in_alarm(is_restarted ? +wake_up : +nothing, 0, is_restarted);
  return read_into_large_buffer();
}

// Waits in a handler that has interrupted another one, which has interrupted whatever it may.
long read_in_two_handlers(int flags) {
  static char stack[1 << 16];
  const stack_t alternate{stack, 0, sizeof stack};
  sigaltstack(&alternate, nullptr);
  static int inner_flags;
  inner_flags = flags;
  signal(SIGTERM, [](int) { in_alarm(read_in_handler, inner_flags, false); });
  return raise(SIGTERM) + 1L;
}

#ifdef __x86_64__
constexpr unsigned kGeneral = 6, kFloating = 16;
#else
constexpr unsigned kGeneral = 3, kFloating = 8;
#endif

// All that a thread has in registers across a system call that it makes itself, but for those that the call takes:
// general ones, those of floating point, of the x87 unit one, their modes; and its alternate stack and mask.
struct State {
  unsigned long general[kGeneral];
  alignas(16) unsigned char floating[kFloating][16];
  double old;
  unsigned modes;
  unsigned short old_modes;
  stack_t alternate;
  sigset_t mask;
};

State with_pattern() {
  State state{};
  for (unsigned i = 0; i < kGeneral; ++i) state.general[i] = ~0UL / 15 * (i + 1);
  for (unsigned i = 0; i < sizeof state.floating; ++i)
    state.floating[i / 16][i % 16] = static_cast<unsigned char>(i + 1);
  state.old = 1.25e300;
  state.modes = 0x7f80;      // MXCSR: rounding towards zero
  state.old_modes = 0x0f7f;  // the x87 unit's
  return state;
}

void ask_kernel(State& state) {
  sigaltstack(nullptr, &state.alternate);
  sigprocmask(SIG_BLOCK, nullptr, &state.mask);
}

#ifdef __x86_64__
long read_between(const State& given, State& found) {
  unsigned modes;
  unsigned short old_modes;
  long result = SYS_read;
  asm volatile(R"(stmxcsr %[modes]; fnstcw %[old_modes]
      ldmxcsr 312(%[given]); fldcw 316(%[given]); fldl 304(%[given])
      mov (%[given]), %%r8; mov 8(%[given]), %%r9; mov 16(%[given]), %%r10
      mov 24(%[given]), %%r12; mov 32(%[given]), %%r13; mov 40(%[given]), %%r14
      movdqa 48(%[given]), %%xmm0; movdqa 64(%[given]), %%xmm1; movdqa 80(%[given]), %%xmm2
      movdqa 96(%[given]), %%xmm3; movdqa 112(%[given]), %%xmm4; movdqa 128(%[given]), %%xmm5
      movdqa 144(%[given]), %%xmm6; movdqa 160(%[given]), %%xmm7; movdqa 176(%[given]), %%xmm8
      movdqa 192(%[given]), %%xmm9; movdqa 208(%[given]), %%xmm10; movdqa 224(%[given]), %%xmm11
      movdqa 240(%[given]), %%xmm12; movdqa 256(%[given]), %%xmm13; movdqa 272(%[given]), %%xmm14
      movdqa 288(%[given]), %%xmm15
      syscall
      mov %%r8, (%[found]); mov %%r9, 8(%[found]); mov %%r10, 16(%[found])
      mov %%r12, 24(%[found]); mov %%r13, 32(%[found]); mov %%r14, 40(%[found])
      movdqa %%xmm0, 48(%[found]); movdqa %%xmm1, 64(%[found]); movdqa %%xmm2, 80(%[found])
      movdqa %%xmm3, 96(%[found]); movdqa %%xmm4, 112(%[found]); movdqa %%xmm5, 128(%[found])
      movdqa %%xmm6, 144(%[found]); movdqa %%xmm7, 160(%[found]); movdqa %%xmm8, 176(%[found])
      movdqa %%xmm9, 192(%[found]); movdqa %%xmm10, 208(%[found]); movdqa %%xmm11, 224(%[found])
      movdqa %%xmm12, 240(%[found]); movdqa %%xmm13, 256(%[found]); movdqa %%xmm14, 272(%[found])
      movdqa %%xmm15, 288(%[found])
      fstpl 304(%[found]); stmxcsr 312(%[found]); fnstcw 316(%[found])
      ldmxcsr %[modes]; fldcw %[old_modes])"
               : "+a"(result), [modes] "=m"(modes), [old_modes] "=m"(old_modes)
               : [given] "b"(&given), [found] "r"(&found), "D"(wakes.ours), "S"(&byte), "d"(1L)
               : "rcx", "r11", "r8", "r9", "r10", "r12", "r13", "r14", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
                 "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  return result;
}
static_assert(offsetof(State, floating) == 48 && offsetof(State, old) == 304 && offsetof(State, modes) == 312);
#else
// Three registers are left, of which one is to lead back to where they go: that is on the stack meanwhile.
[[gnu::target("sse2")]] long read_between(const State& given, State& found) {
  long result = SYS_read;
  const State* from = &given;
  asm volatile(R"(push %%ebp; push %%edi; sub $8, %%esp; stmxcsr (%%esp); fnstcw 4(%%esp)
      ldmxcsr 152(%%esi); fldcw 156(%%esi); fldl 144(%%esi)
      movdqa 16(%%esi), %%xmm0; movdqa 32(%%esi), %%xmm1; movdqa 48(%%esi), %%xmm2
      movdqa 64(%%esi), %%xmm3; movdqa 80(%%esi), %%xmm4; movdqa 96(%%esi), %%xmm5
      movdqa 112(%%esi), %%xmm6; movdqa 128(%%esi), %%xmm7
      mov 4(%%esi), %%edi; mov 8(%%esi), %%ebp; mov (%%esi), %%esi
      int $0x80
      push %%esi; mov 12(%%esp), %%esi; popl (%%esi); mov %%edi, 4(%%esi); mov %%ebp, 8(%%esi)
      movdqa %%xmm0, 16(%%esi); movdqa %%xmm1, 32(%%esi); movdqa %%xmm2, 48(%%esi)
      movdqa %%xmm3, 64(%%esi); movdqa %%xmm4, 80(%%esi); movdqa %%xmm5, 96(%%esi)
      movdqa %%xmm6, 112(%%esi); movdqa %%xmm7, 128(%%esi)
      fstpl 144(%%esi); stmxcsr 152(%%esi); fnstcw 156(%%esi)
      ldmxcsr (%%esp); fldcw 4(%%esp); add $8, %%esp; pop %%edi; pop %%ebp)"
               : "+a"(result), "+S"(from)
               : "D"(&found), "b"(wakes.ours), "c"(&byte), "d"(1L)
               : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7");
  return result;
}
static_assert(offsetof(State, floating) == 16 && offsetof(State, old) == 144 && offsetof(State, modes) == 152);
#endif

long read_with_all_registers() {
  static char stack[16384];
  const stack_t alternate{stack, 0, sizeof stack};
  sigaltstack(&alternate, nullptr);
  State given = with_pattern(), found{};
  ask_kernel(given);
  const long result = read_between(given, found);
  ask_kernel(found);
  errno = EILSEQ;
  return std::memcmp(&given, &found, sizeof given) == 0 ? result : -1;
}

// The upper half of one that only AVX has.
[[gnu::target("avx")]] long read_with_wide_register() {
  if (!__builtin_cpu_supports("avx")) return read(wakes.ours, &byte, 1);
  unsigned char given[32], found[32];
  for (unsigned char i = 0; i < 32; ++i) given[i] = static_cast<unsigned char>(i + 1);
  long result = SYS_read;
#ifdef __x86_64__
  asm volatile("vmovdqu (%[given]), %%ymm15; syscall; vmovdqu %%ymm15, (%[found]); vzeroupper"
               : "+a"(result)
               : [given] "r"(given), [found] "r"(found), "D"(wakes.ours), "S"(&byte), "d"(1L)
               : "rcx", "r11", "memory", "xmm15");
#else
  asm volatile("vmovdqu (%[given]), %%ymm7; int $0x80; vmovdqu %%ymm7, (%[found]); vzeroupper"
               : "+a"(result)
               : [given] "S"(given), [found] "D"(found), "b"(wakes.ours), "c"(&byte), "d"(1L)
               : "memory", "xmm7");
#endif
  errno = EILSEQ;
  return std::memcmp(given, found, sizeof given) == 0 ? result : -1;
}

// With the segment of its data in a register that needs none, or with none in one that does.
long read_with_other_segment() {
  unsigned found = ~0U;
  long result = SYS_read;
#ifdef __x86_64__
  const unsigned given = 0x2b;
  asm volatile("mov %%es, %%ebx; mov %[given], %%es; syscall; mov %%es, %[found]; mov %%ebx, %%es"
               : "+a"(result), [found] "=&r"(found)
               : [given] "r"(given), "D"(wakes.ours), "S"(&byte), "d"(1L)
               : "rcx", "r11", "rbx", "memory");
#else
  const unsigned given = 0;
  asm volatile("push %%es; mov %[given], %%es; int $0x80; mov %%es, %[found]; pop %%es"
               : "+a"(result), [found] "=&r"(found)
               : [given] "r"(given), "b"(wakes.ours), "c"(&byte), "d"(1L)
               : "memory");
#endif
  errno = EILSEQ;
  return found == given ? result : -1;
}

struct Kind {
  const char* name;
  long (*wait)();
  void (*wake)();
};

struct Message {
  long type = 1;
  char text[1] = {'x'};
};

// The kernel has given the stack no page more than has been touched.
[[gnu::noinline]] long read_deep_down(int frames) {
  char frame[4096];
  std::memset(frame, frames, sizeof frame);
  asm volatile("" ::"r"(frame) : "memory");
  const long result = frames == 0 ? static_cast<long>(read(wakes.ours, &byte, 1)) : read_deep_down(frames - 1);
  asm volatile("" ::"r"(frame) : "memory");
  return result;
}

void write_byte() { must(write(wakes.theirs, "x", 1), "write"); }

void connect_once() {
  Address address;
  must(getsockname(listener, address.name(), &address.length), "getsockname");
  const int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  connect_to(fd, address);
  close(fd);
}

const Kind kKinds[] = {
    {"read", [] { return static_cast<long>(read(wakes.ours, &byte, 1)); }, write_byte},
    {"registers", read_with_all_registers, write_byte},
    {"segment", read_with_other_segment, write_byte},
    {"wide_register", read_with_wide_register, write_byte},
    {"readv",
     [] {
       const iovec part{&byte, 1};
       return static_cast<long>(readv(wakes.ours, &part, 1));
     },
     write_byte},
    {"recv", [] { return static_cast<long>(recv(wakes.ours, &byte, 1, 0)); }, write_byte},
    {"recv_all", [] { return static_cast<long>(recv(wakes.ours, &byte, 1, MSG_WAITALL)); }, write_byte},
    {"recv_timeout", [] { return with_timeout(wakes.ours) + recv(wakes.ours, &byte, 1, 0); }, write_byte},
    {"recvmsg", [] { return wait_in_recvmsg(false); }, write_byte},
    {"recvmmsg", [] { return wait_in_recvmsg(true); }, write_byte},
    {"accept", accepted, connect_once},
    {"accept_timeout", [] { return with_timeout(listener) + accepted(); }, connect_once},
    {"poll", [] { return wait_in_poll(false); }, write_byte},
    {"ppoll", [] { return wait_in_poll(true); }, write_byte},
    {"select", [] { return wait_in_select(false); }, write_byte},
    {"pselect", [] { return wait_in_select(true); }, write_byte},
    {"epoll_wait", [] { return wait_in_epoll(false); }, write_byte},
    {"epoll_pwait", [] { return wait_in_epoll(true); }, write_byte},
    {"sigtimedwait",
     [] {
       sigset_t set;
       sigemptyset(&set);
       sigaddset(&set, SIGUSR2);
       return sigtimedwait(&set, nullptr, &kLong) == SIGUSR2 ? 1L : -1L;
     },
     [] { kill(getppid(), SIGUSR2); }},
    {"semtimedop",
     [] {
       sembuf down{0, -1, 0};
       return semtimedop(semaphore_set, &down, 1, &kLong) + 1L;
     },
     [] {
       sembuf up{0, 1, 0};
       must(semop(semaphore_set, &up, 1), "semop");
     }},
    {"msgrcv",
     [] {
       Message message;
       return static_cast<long>(msgrcv(messages, &message, 1, 0, 0));
     },
     [] {
       const Message message;
       must(msgsnd(messages, &message, 1, 0), "msgsnd");
     }},
    {"mq_receive", [] { return static_cast<long>(mq_receive(queue, &byte, 1, nullptr)); },
     [] { must(mq_send(queue, "x", 1, 0), "mq_send"); }},
    {"waitpid", [] { return waitpid(-1, nullptr, 0) > 0 ? 1L : -1L; }, [] { kill(other, SIGKILL); }},
    {"futex", [] { return sem_wait(shared) + 1L; }, [] { sem_post(shared); }},
    {"spin",
     [] {
       while (!is_woken) {
       }
       is_woken = false;
       return 1L;
     },
     [] { kill(getppid(), SIGUSR1); }},
    {"handler",
     [] {
       signal(SIGALRM, read_in_handler);
       return raise(SIGALRM) + 1L;
     },
     write_byte},
    {"handler_in_call",
     [] {
       in_alarm(read_in_handler, 0, false);
       return 1L;
     },
     write_byte},
    {"two_handlers", [] { return read_in_two_handlers(0); }, write_byte},
    {"two_handlers_two_stacks", [] { return read_in_two_handlers(SA_ONSTACK); }, write_byte},
    {"deep_down", [] { return read_deep_down(256); }, write_byte},
    {"left_frame", [] { return read_above_left_frame(false); }, write_byte},
    {"left_frame_of_restarted", [] { return read_above_left_frame(true); }, write_byte},
};

void make_all() {
  wakes = unix_pair();
  listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  bound_to_loopback(listener);
  must(listen(listener, 8), "listen");
  epoll = must(epoll_create1(0), "epoll_create1");
  epoll_event event{EPOLLIN, {}};
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, wakes.ours, &event), "epoll_ctl");
  semaphore_set = must(semget(IPC_PRIVATE, 1, 0600), "semget");
  messages = must(msgget(IPC_PRIVATE, 0600), "msgget");
  const auto name = "/nosigpipe." + std::to_string(getpid());
  mq_attr attributes{};
  attributes.mq_maxmsg = attributes.mq_msgsize = 1;
  queue = must(mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attributes), "mq_open");
  mq_unlink(name.c_str());
  shared =
      static_cast<sem_t*>(mmap(nullptr, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  must(sem_init(shared, 1, 0), "sem_init");
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGUSR1, be_woken);
}

// In a group of its own, so that it outlives who is killed, and takes away what the kernel would keep.
void be_child(const Kind& kind) {
  setpgid(0, 0);
  close(1);
  for (char told; read(0, &told, 1) == 1;) kind.wake();
  semctl(semaphore_set, 0, IPC_RMID);
  msgctl(messages, IPC_RMID, nullptr);
  _exit(0);
}

void enter_filter(unsigned call, unsigned action) {
  auto code = filter_of({call}, action);
  const auto program = program_of(code);
  must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
  must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
}

// But for those of the vDSO, and of what is mapped above it, its system calls are made as ever.
void dispatch_calls() {
  constexpr int kDispatch = 59, kOn = 1;
  static const char blocked = 1;
  must(prctl(kDispatch, kOn, 0, getauxval(AT_SYSINFO_EHDR), &blocked), "dispatch");
}

// A thread alone in a filter, that waits in a call which is let go on.
void start_confined_thread(unsigned call) {
  std::thread([call] {
    enter_filter(call, SECCOMP_RET_KILL_PROCESS);
    for (;;) pause();
  }).detach();
}

void start_thread(const std::string& kind) {
  std::thread([kind] {
    sem_t never;
    sem_init(&never, 0, 0);
    if (kind == "futex") sem_wait(&never);
    for (unsigned long count = 0;; ++count)
      if (kind == "malloc") free(malloc(count % 4096));
  }).detach();
}

void start_to_load(const std::string& library) {
  int ends[2];
  must(pipe(ends), "pipe");
  setenv("CONSTRUCTED", std::to_string(ends[1]).c_str(), 1);
  std::thread([library] {
    if (dlopen(library.c_str(), RTLD_NOW) == nullptr) fail(dlerror());
  }).detach();
  must(read(ends[0], &byte, 1), "read");
}

void end_calls_by(int signal) {
  struct sigaction action {};
  action.sa_handler = be_woken;
  sigaction(signal, &action, nullptr);
}

void obey(const char* word) {
  const char* equals = std::strchr(word, '=');
  if (equals == nullptr) fail("no such word");
  const std::string name(word, equals);
  const int number = std::atoi(equals + 1);
  if (name == "denied" || name == "deadly")
    enter_filter(static_cast<unsigned>(number),
                 name == "denied" ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_KILL_PROCESS);
  else if (name == "dispatched")
    dispatch_calls();
  else if (name == "ending")
    end_calls_by(number);
  else if (name == "loading")
    start_to_load(equals + 1);
  else if (name == "confined")
    start_confined_thread(static_cast<unsigned>(number));
  else
    for (int i = 0; i < number; ++i) start_thread(name);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 99;
  const Kind* kind = kKinds;
  while (std::strcmp(kind->name, argv[1]) != 0)
    if (++kind == std::end(kKinds)) return 99;
  make_all();
  const int dead = dead_socket();
  if (std::strcmp(kind->name, "waitpid") == 0 && (other = must(fork(), "fork")) == 0) sleep(1000);
  if (must(fork(), "fork") == 0) be_child(*kind);
  for (int i = 2; i < argc; ++i) obey(argv[i]);
  dprintf(1, "ready\n");
  for (;;) {
    const long result = kind->wait();
    dprintf(1, "%s\n", result == 1 ? "returned" : strerror(errno));
    if (write(dead, "x", 1) != -1) abort();
    dprintf(1, "alive\n");
  }
}
