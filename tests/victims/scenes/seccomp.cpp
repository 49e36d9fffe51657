// Scenes in a seccomp filter, in which a system call that the program does not make itself may end it.
#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "scenes.h"
#include "victims/filter.h"

namespace {

[[noreturn]] void leave(int status) {
  syscall(SYS_exit, status);
  abort();
}

// Nothing but read, write, exit and sigreturn.
[[noreturn]] void strict(int dead) {
  const Pair live = unix_pair();
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
  if (write(live.ours, byte, 1) != 1) leave(2);
  if (write(dead, byte, 1) != -1 || errno != EPIPE) leave(3);
  leave(0);
}

using Install = std::function<long(const sock_fprog*)>;

// These system calls have one answer, all others the other.
bool enters(const Install& install, const std::vector<unsigned>& listed, unsigned answer, unsigned other) {
  auto code = filter_of(listed, answer, other);
  const auto program = program_of(code);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return install(&program) == 0;
}

long by_prctl(const sock_fprog* program) { return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0); }

long by_syscall_prctl(const sock_fprog* program) {
  return syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0);
}
long by_syscall_seccomp(const sock_fprog* program) { return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program); }

#ifdef __x86_64__
// By an instruction of the program's own: no function is called.
long by_instruction(const sock_fprog* program) {
  long result;
  asm volatile("xor %%r10d, %%r10d\n\tsyscall"
               : "=a"(result)
               : "a"(SYS_prctl), "D"(long{PR_SET_SECCOMP}), "S"(long{SECCOMP_MODE_FILTER}), "d"(program)
               : "rcx", "r8", "r10", "r11", "memory");
  return result;
}
#endif

// Nothing but what the program names.
void filtered(const Install& install) {
  const Pair live = unix_pair();
  const int dead = dead_socket();
  const std::vector<unsigned> listed{SYS_write, SYS_sendto, SYS_writev, SYS_rt_sigreturn, SYS_exit};
  if (!enters(install, listed, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS)) leave(4);
  if (write(live.ours, byte, 1) != 1 || writev(live.ours, &one_byte, 1) != 1) leave(2);
  if (write(dead, byte, 1) != -1 || writev(dead, &one_byte, 1) != -1) leave(3);
  leave(0);
}

// Nothing but what the program does: each call on a live socket, a file and a dead socket. A send is none of them.
[[noreturn]] void confined(const Install& install) {
  const Pair live = unix_pair();
  const int dead = dead_socket();
  const int source = file();
  const int sink = file();
  const int full = full_pipe_of_one();
  const std::vector<unsigned> listed{SYS_write,  SYS_sendmsg,      SYS_writev, SYS_sendfile,
                                     SYS_splice, SYS_rt_sigreturn, SYS_exit};
  if (!enters(install, listed, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS)) leave(4);
  msghdr message{};
  message.msg_iov = &one_byte;
  message.msg_iovlen = 1;
  if (write(live.ours, byte, 1) != 1 || write(sink, byte, 1) != 1) leave(20);
  if (writev(live.ours, &one_byte, 1) != 1 || writev(sink, &one_byte, 1) != 1) leave(21);
  if (sendmsg(live.ours, &message, 0) != 1) leave(22);
  if (sendfile(live.ours, source, nullptr, 1) != 1) leave(23);
  if (sendfile(live.ours, source, nullptr, 1 << 20) != 4095) leave(24);  // short, since the file ends
  for (int i = 0; i < 20; ++i) {
    if (write(dead, byte, 1) != -1 || errno != EPIPE) leave(30);
    if (writev(dead, &one_byte, 1) != -1 || errno != EPIPE) leave(31);
    if (sendmsg(dead, &message, 0) != -1 || errno != EPIPE) leave(32);
    off_t begin = 0;
    if (sendfile(dead, source, &begin, 1) != -1 || errno != EPIPE) leave(33);
    if (splice(full, nullptr, dead, nullptr, 1, 0) != -1 || errno != EPIPE) leave(34);
    if (syscall(SYS_write, dead, byte, 1) != -1 || errno != EPIPE) leave(35);
  }
  leave(0);
}

// A send is answered with an error, all else is as ever.
void deny_sends(int error, const Install& install) {
  if (!enters(install, {SYS_sendto}, SECCOMP_RET_ERRNO | static_cast<unsigned>(error), SECCOMP_RET_ALLOW)) abort();
}

void say(const char* what, ssize_t result) { printf("%s: %zd %s\n", what, result, result < 0 ? strerror(errno) : ""); }

// Each twice: what the first has taught must be right for the second.
void write_everywhere() {
  int ends[2];
  if (pipe(ends) != 0) abort();
  const Pair live = unix_pair();
  const Pair tcp = tcp_pair();
  const int regular = file();
  const int dead = dead_socket();
  for (int i = 0; i < 2; ++i) {
    say("file", write(regular, byte, 1));
    say("pipe", write(ends[1], byte, 1));
    say("socket", write(live.ours, byte, 1));
    say("tcp", write(tcp.ours, byte, 1));
    say("dead socket", write(dead, byte, 1));
    say("dead socket, writev", writev(dead, &one_byte, 1));
    say("dead socket, dprintf", dprintf(dead, "x"));
    say("standard output", write(1, "\n", 1));
    say("a send of its own", send(live.ours, byte, 1, 0));
    say("a send of its own to the file", send(regular, byte, 1, 0));
  }
}

void denied(int error, const Install& install) {
  deny_sends(error, install);
  write_everywhere();
}

// Everything but these two.
void forbid(unsigned one, unsigned other) {
  if (!enters(by_prctl, {one, other}, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW)) abort();
}

void write_to_dead_socket() {
  const int fd = dead_socket();
  if (write(fd, byte, 1) != -1 || writev(fd, &one_byte, 1) != -1) abort();
  puts("alive");
}

}  // namespace

SCENE(strict_socket) { strict(dead_socket()); }
SCENE(strict_pipe) {
  int ends[2];
  if (pipe(ends) != 0 || write(ends[1], byte, 1) != 1) abort();
  close(ends[0]);
  strict(ends[1]);
}

SCENE(filter_by_prctl) { filtered(by_prctl); }
SCENE(filter_by_seccomp) { filtered(by_syscall_seccomp); }
// Gives a descriptor where it succeeds.
SCENE(filter_by_listener) {
  filtered([](const sock_fprog* program) {
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, program) > 0 ? 0 : -1;
  });
}
SCENE(filter_after_epipe) {
  const int dead = dead_socket();
  send(dead, byte, 1, 0);
  filtered([dead](const sock_fprog* program) {
    const long result = by_prctl(program);
    for (int i = 0; i < 10; ++i) send(dead, byte, 1, 0);
    return result;
  });
}

SCENE(writes_only) { write_to_dead_socket(); }
SCENE(started_in_filter) {
  forbid(SYS_sendto, SYS_ioctl);
  execl("/proc/self/exe", "scenes", "writes_only", nullptr);
  abort();
}
SCENE(started_without_process_vm_readv) {
  forbid(SYS_ioctl, SYS_process_vm_readv);
  execl("/proc/self/exe", "scenes", "writes_only", nullptr);
  abort();
}
SCENE(filter_before_socket) {
  forbid(SYS_sendto, SYS_ioctl);
  write_to_dead_socket();
}

SCENE(confined_by_prctl) { confined(by_prctl); }
SCENE(confined_by_syscall_prctl) { confined(by_syscall_prctl); }
SCENE(confined_by_syscall_seccomp) { confined(by_syscall_seccomp); }
SCENE(confined_in_a_filter) {
  forbid(SYS_ioctl, SYS_kexec_load);
  execl("/proc/self/exe", "scenes", "confined_by_prctl", nullptr);
  abort();
}

// Between two calls of getppid.
SCENE(sets_filter_when_told) {
  const int dead = dead_socket();
  const Pair live = unix_pair();
  const int source = file();
  char word;
  if (read(0, &word, 1) != 1) abort();
  sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  getppid();
  const sock_fprog program{1, code};
  by_prctl(&program);
  writev(live.ours, &one_byte, 1);
  writev(dead, &one_byte, 1);
  send(live.ours, byte, 1, MSG_NOSIGNAL);
  send(dead, byte, 1, MSG_NOSIGNAL);
  sendfile(live.ours, source, nullptr, 1 << 20);
  getppid();
}
// Another scene, which finds itself in a filter that does not concern it.
SCENE(in_a_filter) {
  forbid(SYS_ioctl, SYS_kexec_load);
  execl("/proc/self/exe", "scenes", getenv("SCENE"), nullptr);
  abort();
}
SCENE(sets_filter_in_a_filter_when_told) {
  forbid(SYS_ioctl, SYS_kexec_load);
  execl("/proc/self/exe", "scenes", "sets_filter_when_told", nullptr);
  abort();
}

SCENE(writes_everywhere) { write_everywhere(); }

#define DENIED(way)                                 \
  SCENE(eperm_##way) { denied(EPERM, by_##way); }   \
  SCENE(eacces_##way) { denied(EACCES, by_##way); } \
  SCENE(enosys_##way) { denied(ENOSYS, by_##way); }
DENIED(prctl)
DENIED(syscall_prctl)
DENIED(syscall_seccomp)
#ifdef __x86_64__
DENIED(instruction)
#endif

// The filter came with the process, whose /proc/self/status is longer than usual.
SCENE(eperm_and_thousands_of_groups) {
  std::vector<gid_t> groups;
  for (gid_t group = 1'000'000'000; groups.size() < 2'000; ++group) groups.push_back(group);
  if (setgroups(groups.size(), groups.data()) != 0) {
    puts("refused");
    return;
  }
  deny_sends(EPERM, by_prctl);
  execl("/proc/self/exe", "scenes", "writes_everywhere", nullptr);
  abort();
}
SCENE(eperm_from_the_start) {
  deny_sends(EPERM, by_prctl);
  execl("/proc/self/exe", "scenes", "writes_everywhere", nullptr);
  abort();
}
