// Scenes in a seccomp filter, in which a system call that the program does not make itself may end it.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "scenes.h"

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

template <size_t N>
bool enters(sock_filter (&code)[N], const Install& install) {
  const sock_fprog program{N, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return install(&program) == 0;
}

long by_prctl(const sock_fprog* program) { return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0); }

// Nothing but what the program names.
void filtered(const Install& install) {
  const Pair live = unix_pair();
  const int dead = dead_socket();
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_writev, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  if (!enters(code, install)) leave(4);
  if (write(live.ours, byte, 1) != 1 || writev(live.ours, &one_byte, 1) != 1) leave(2);
  if (write(dead, byte, 1) != -1 || writev(dead, &one_byte, 1) != -1) leave(3);
  leave(0);
}

// Everything but these two.
void forbid(unsigned one, unsigned other) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, one, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, other, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  if (!enters(code, by_prctl)) abort();
}

void write_to_dead_socket() {
  const int fd = dead_socket();
  if (write(fd, byte, 1) != -1 || writev(fd, &one_byte, 1) != -1) abort();
  puts("alive");
}

}  // namespace

SCENE(strict_socket) { strict(dead_socket()); }
SCENE(strict_pipe) { strict(dead_pipe()); }

SCENE(filter_by_prctl) { filtered(by_prctl); }
SCENE(filter_by_seccomp) {
  filtered([](const sock_fprog* program) { return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program); });
}
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
SCENE(filter_before_socket) {
  forbid(SYS_sendto, SYS_ioctl);
  write_to_dead_socket();
}
