#include "interleavings/yielding.h"

#include "interleavings/kernel_model.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <ucontext.h>

#include <cerrno>
#include <cstring>

#include "interleavings/schedules.h"
#include "system/kernel.h"

namespace model {

Process process;

namespace {

constexpr int kFirstThread = 2000;
constexpr auto kSigpipe = ::kernel::only(SIGPIPE);
constexpr unsigned kRestorer = 0x04000000;  // which libc adds

Thread& own() { return process.threads[static_cast<std::size_t>(schedules::running())]; }

// `mov $1, %eax; syscall`, and what no call is in front of.
alignas(4096) const
    unsigned char code[64] = {0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
                              0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
                              0x90, 0x90, 0x90, 0xb8, 0x01, 0,    0,    0,    0x0f, 0x05, 0x90, 0x90, 0x90, 0x90};
constexpr int kAfterWrite = 38, kInNoCall = 28;
const auto kBehindWrite = reinterpret_cast<greg_t>(code + kAfterWrite);

ucontext_t context_of(const Thread& thread) {
  ucontext_t context{};
  auto* registers = context.uc_mcontext.gregs;
  const bool in_call = thread.number == SYS_write;
  registers[REG_RIP] = in_call ? kBehindWrite : reinterpret_cast<greg_t>(code + kInNoCall);
  registers[REG_RAX] = thread.result;
  registers[REG_RDI] = thread.fd;
  registers[REG_RCX] = thread.rcx;
  registers[REG_RDX] = 1;
  return context;
}

std::uint64_t in(const sigset_t& set) {
  std::uint64_t signals;
  memcpy(&signals, &set, sizeof signals);
  return signals;
}

bool ignores() {
  return process.action.sa_handler == SIG_IGN || (process.action.sa_handler == SIG_DFL && process.pid == 1);
}

bool queue(std::optional<siginfo_t>& to, const siginfo_t& info, std::uint64_t mask) {
  const bool is_dropped = to || (ignores() && (mask & kSigpipe) == 0);
  if (!is_dropped) to = info;
  return !is_dropped;
}

bool is_other(const struct sigaction& view) { return view.sa_handler != SIG_DFL || process.pid == 1; }

// The call of the program that this is a part of has its effect here.
void set_in_view() {
  if (schedules::running() < 0 || !own().sets) return;
  own().stood = process.view;
  process.view = *own().sets;
  own().sets.reset();
  for (auto& thread : process.threads) thread.lives_on_pipe |= is_other(process.view);
}

bool is_due() { return (own().pending || process.pending) && (own().mask & kSigpipe) == 0; }

void take() {
  schedules::before(&process, true, "takes a SIGPIPE");
  if (!is_due()) return;  // another thread has, or it is ignored since
  auto& from = own().pending ? own().pending : process.pending;
  siginfo_t info = *from;
  from.reset();
  if (ignores()) return;
  const auto action = process.action;
  if (action.sa_handler == SIG_DFL) {
    process.has_died = true;
    process.died_of = Cause{info.si_uid};
    schedules::end();
  }
  if ((static_cast<unsigned>(action.sa_flags) & static_cast<unsigned>(SA_RESETHAND)) != 0)
    process.action.sa_handler = SIG_DFL;
  const auto interrupted = own();
  own().mask |= in(action.sa_mask);
  if ((action.sa_flags & SA_NODEFER) == 0) own().mask |= kSigpipe;
  own().handles = Cause{info.si_uid};
  auto context = context_of(interrupted);
  action.sa_sigaction(SIGPIPE, &info, &context);
  own().mask = interrupted.mask;
  own().handles = interrupted.handles;
  own().number = interrupted.number;
  own().result = interrupted.result;
  own().rcx = context.uc_mcontext.gregs[REG_RCX];
}

// The call is over, and the thread about to go on.
long returned(long number, long result, int fd = 0) {
  own().number = number;
  own().result = result;
  own().fd = fd;
  own().rcx = kBehindWrite;
  while (is_due()) take();
  own().number = 0;
  return result;
}

siginfo_t signal(int how, int from, Cause cause) {
  siginfo_t info{};
  info.si_signo = SIGPIPE;
  info.si_code = how;
  info.si_pid = from;
  info.si_uid = cause;
  return info;
}

bool is_of(int fd, File file) {
  schedules::before(&process.files, false, "looks at an fd");
  return fd >= 0 && fd < static_cast<int>(process.files.size()) && process.files[static_cast<std::size_t>(fd)] == file;
}

long option(int fd, long name, int* value) {
  if (!is_of(fd, File::dead_socket)) return is_of(fd, File::none) ? -EBADF : -ENOTSOCK;
  *value = name == SO_TYPE ? static_cast<int>(SOCK_STREAM) : name == SO_DOMAIN ? AF_INET : 0;
  return 0;
}

long changed_mask(long how, const std::uint64_t* set, std::uint64_t* before) {
  auto& mask = own().mask;
  if (before != nullptr) *before = mask;
  if (set == nullptr) return 0;
  mask = how == SIG_BLOCK ? mask | *set : how == SIG_UNBLOCK ? mask & ~*set : *set;
  return returned(SYS_rt_sigprocmask, 0);
}

long sent_to(long tid, const siginfo_t& info) {
  if (process.refuses_to_raise) return -EPERM;
  if (info.si_signo == 0) return 0;
  auto& thread = process.threads[static_cast<std::size_t>(tid - kFirstThread)];
  schedules::before(&process, true, "sends itself a SIGPIPE");
  queue(thread.pending, info, thread.mask);
  return returned(SYS_rt_tgsigqueueinfo, 0);
}

long taken(siginfo_t* info) {
  schedules::before(&process, true, "dequeues what is pending");
  auto& from = own().pending ? own().pending : process.pending;
  if (!from) return -EAGAIN;
  if (info != nullptr) *info = *from;
  from.reset();
  return SIGPIPE;
}

long polled(pollfd* list, long size) {
  long found = 0;
  for (; found < size; ++found) {
    const bool is_dead = is_of(list[found].fd, File::dead_pipe) || is_of(list[found].fd, File::dead_socket);
    list[found].revents = is_dead ? POLLERR | POLLHUP : POLLOUT;
  }
  return found;
}

template <class T>
T* at(long address) {
  return reinterpret_cast<T*>(address);
}

}  // namespace

void begin() { process = {}; }

long write(int fd) {
  own().lives_on_pipe = is_other(process.view);
  schedules::before(&process, true, "writes to a dead one");
  const bool is_socket = process.files[static_cast<std::size_t>(fd)] == File::dead_socket;
  queue(own().pending, signal(SI_USER, process.pid, is_socket ? socket : pipe), own().mask);
  returned(SYS_write, -EPIPE, fd);
  errno = EPIPE;
  return -1;
}

void kill(int from) {
  schedules::before(&process, true, "kills");
  queue(process.pending, signal(SI_USER, from, sent), 0);
  returned(SYS_kill, 0);
}

bool kill_thread(int number) {
  schedules::before(&process, true, "kills a thread");
  auto& thread = process.threads[static_cast<std::size_t>(number)];
  return queue(thread.pending, signal(SI_TKILL, process.pid, sent), thread.mask);
}

int sigaction(int, const struct sigaction* act, struct sigaction* old) {
  const char* what = act == nullptr               ? "asks for the disposition"
                     : act->sa_handler == SIG_DFL ? "sets SIG_DFL in the kernel"
                     : act->sa_handler == SIG_IGN ? "sets SIG_IGN in the kernel"
                                                  : "sets a handler in the kernel";
  schedules::before(&process, act != nullptr, what);
  const auto before = process.action;
  if (old != nullptr) *old = before;
  if (act != nullptr) {
    set_in_view();
    if (act->sa_handler == SIG_DFL && schedules::running() >= 0) process.is_doomed |= own().handles != socket;
    process.action = *act;
    process.action.sa_flags = static_cast<int>(static_cast<unsigned>(act->sa_flags) | kRestorer);
    if (ignores()) {
      process.pending.reset();
      for (auto& thread : process.threads) thread.pending.reset();
    }
  }
  if (schedules::running() >= 0) returned(SYS_rt_sigaction, 0);
  return 0;
}

}  // namespace model

long arch::modelled_call(long number, long a, long b, long c, long d, long) {
  using namespace model;
  switch (number) {
    case SYS_getpid:
      return model::process.pid;
    case SYS_gettid:
      return kFirstThread + schedules::running();
    case SYS_getuid:
      return model::socket;  // what the shim raises itself is over a socket
    case SYS_rt_sigprocmask:
      return changed_mask(a, at<const std::uint64_t>(b), at<std::uint64_t>(c));
    case SYS_rt_tgsigqueueinfo:
      return sent_to(b, *at<const siginfo_t>(d));
    case SYS_tgkill:
      return sent_to(b, c == 0 ? siginfo_t{} : signal(SI_TKILL, model::process.pid, none));
    case SYS_rt_sigtimedwait:
      return taken(at<siginfo_t>(b));
    case SYS_rt_sigpending:
      schedules::before(&model::process, false, "asks what is pending");
      *at<std::uint64_t>(a) = own().pending || model::process.pending ? kSigpipe : 0;
      return 0;
    case SYS_fcntl:
      return is_of(static_cast<int>(a), model::File::dead_pipe) ? 65536 : -EBADF;
    case SYS_ppoll:
      return polled(at<pollfd>(a), b);
    case SYS_getsockopt:
      return option(static_cast<int>(a), c, at<int>(d));
    case SYS_sigaltstack:
      at<stack_t>(b)->ss_flags = SS_DISABLE;
      return 0;
    case kStat:
      return -ENOENT;
    default:
      schedules::wrong("system call " + std::to_string(number) + " is not modelled");
      return -ENOSYS;
  }
}

long modelled_syscall(long number, long, long, long, long, long, long) {
  schedules::wrong("system call " + std::to_string(number) + " is not modelled");
  return -ENOSYS;
}
