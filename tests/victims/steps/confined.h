// Steps that hold others, and change what these find: in a handler, in a coroutine, without rights, in a filter.
#pragma once

#include <sys/prctl.h>
#include <ucontext.h>

#include "victims/filter.h"
#include "victims/steps/blocks.h"

namespace steps {

inline const Block* of_handler = nullptr;
inline bool unblocks_behind = false;
inline void runs_block(int) {
  const Block* const block = of_handler;
  of_handler = nullptr;
  if (block == nullptr) return;
  note_call("handler");
  end_line();
  block->run();
  if (unblocks_behind) before_unblocking();  // as it returns
}

inline void in_handler(int how, const Block& block) {
  if (is_simple) return;
  is_simple = true;
  static char room[1 << 17];
  const stack_t stack{room, 0, sizeof room}, disabled{nullptr, SS_DISABLE, 0};
  const bool has_stack = how % 2 == 1;
  if (has_stack) sigaltstack(&stack, nullptr);
  struct sigaction act {};
  act.sa_handler = runs_block;
  act.sa_flags = has_stack ? SA_ONSTACK : 0;
  if (how >= 2 && blocked_once) sigaddset(&act.sa_mask, SIGPIPE);
  sigaction(SIGUSR1, &act, nullptr);
  of_handler = &block;
  unblocks_behind = !is_blocked();
  raise(SIGUSR1);
  of_handler = nullptr;
  if (has_stack) sigaltstack(&disabled, nullptr);
  is_simple = false;
}

// Its own stack, and the mask that its context has.
inline ucontext_t caller, routine;
inline const Block* of_routine = nullptr;
inline void runs_routine() {
  of_routine->run();
  if (unblocks_behind) before_unblocking();
  swapcontext(&routine, &caller);
}
inline void in_coroutine(int how, const Block& block) {
  if (is_simple) return;
  is_simple = true;
  static char room[1 << 17];
  getcontext(&routine);
  routine.uc_stack.ss_sp = room;
  routine.uc_stack.ss_size = sizeof room;
  routine.uc_link = nullptr;
  if (how == 1 && blocked_once) sigaddset(&routine.uc_sigmask, SIGPIPE);
  if (how == 2) sigdelset(&routine.uc_sigmask, SIGPIPE), before_unblocking();
  unblocks_behind = !is_blocked();
  makecontext(&routine, runs_routine, 0);
  of_routine = &block;
  swapcontext(&caller, &routine);
  is_simple = false;
}

inline void without_rights(int how, const Block& block) {
  if (is_simple) return;
  in_child([&] {
    int result = 0;
    switch (how) {
      case 0:
        result = setuid(65534);
        break;
      case 1:
        result = setresuid(65534, 65534, 65534);
        break;
      case 2:
        result = chroot("/usr/share");
        break;
      case 3:
        result = seteuid(65534);
        break;
      default:
        result = static_cast<int>(syscall(SYS_chroot, "/usr/share"));
    }
    note(" %d", result);
    block.run();
  });
}

// These calls are answered so, or kill.
inline long enters(int how, std::initializer_list<unsigned> calls, unsigned answer) {
  auto code = filter_of(calls, answer);
  const auto program = program_of(code);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  switch (how) {
    case 0:
      return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
    case 1:
      return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
    case 2:
      return syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
    default:
      return inline_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
  }
}

inline bool is_stream_socket[kFds];  // before the filter

// Once the program has set it only sockets are written to, with SIGPIPE unblocked: all else is under Limits.
constexpr int kFilters = 9;
inline void in_filter(int how, const Block& block) {
  if (is_simple || is_blocked() || set_by_number) return;
  in_child([&] {
    is_simple = true;
    for (int fd = 0; fd < kFds; ++fd) is_stream_socket[fd] = option_is(fd, SO_TYPE, SOCK_STREAM) && !is_pipe(fd);
    if (how < 3)
      note(" %ld", enters(how, {SYS_getsockopt, SYS_ppoll, SYS_openat}, SECCOMP_RET_KILL_PROCESS));
    else if (how < 6)
      note(" %ld", enters(how - 3, {SYS_sendto}, SECCOMP_RET_ERRNO | EPERM));
    else
      note(" %ld", enters(how - 6, {}, 0));
    is_confined = true;
    block.run();
  });
}

// A filter that answers, and that the shim does not see being set; or that is there when it comes.
inline void in_unseen_filter(int how, const Block& block) {
  if (is_simple) return;
  in_child([&] {
    note(" %ld", enters(3, {SYS_sendto}, SECCOMP_RET_ERRNO | EPERM));
    if (how == 0) return block.run();
    in_exec(0, block);
  });
}

}  // namespace steps
