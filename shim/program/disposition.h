// The program's own view of SIGPIPE: what the functions that set it and ask for it do and answer. None takes a lock;
// all are safe in a signal handler and in a child of vfork. errno is set as libc sets it.
#pragma once

#include "program/handler_stubs.h"
#include "system/real.h"

namespace disposition {

using handler_stubs::Handler;

// sigaction(2) for SIGPIPE, in the program's terms. Without a handler of ours it is the real one. 0, or -1 and errno.
int change(const struct sigaction* act, struct sigaction* old);
int change(const Sigvec* vec, Sigvec* old);

// What signal(3) and its kin are, with these flags and SIGPIPE itself in sa_mask or not. SIG_ERR: errno says why not.
Handler set(Handler handler, int flags, bool blocks_itself);

// The flags that signal(3) gives, which siginterrupt(3) changes.
int flags_of_signal();
int interrupt(bool interrupts);

// The flags of sysv_signal(3).
constexpr int kSysvFlags = static_cast<int>(SA_RESETHAND | SA_NODEFER | 0x20000000U);  // and SA_INTERRUPT

// sigignore(3) and sigset(3).
int ignore();
Handler set_or_hold(Handler handler);

// What a SIGPIPE does in the program's view where it is not blocked. `pid` is this process's.
bool kills(int pid);
bool ignores();
bool has_handler();

// The program has set it by a system call of its own, so that our handler is gone.
void changed_unseen();

// Puts our handler in the place of a SIG_DFL that nobody has set through us. To be called once, at the start.
void arm();

}  // namespace disposition
