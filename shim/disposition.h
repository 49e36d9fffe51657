// The program's own view of SIGPIPE. It is kept in the kernel: where the program has SIG_DFL or a handler, a function
// of ours stands that says by its address which handler and which flags they are. So the view changes as one thing
// whichever thread, and whichever child of vfork, changes it, with no lock; and the kernel's default, which would kill,
// never stands in between. SIG_IGN goes to the kernel as it is, so that children inherit it.
#pragma once

#include "real.h"

namespace disposition {

using Handler = void (*)(int);

// sigaction(2) for SIGPIPE, in the program's terms. Without a net it is the real one.
int change(const struct sigaction* act, struct sigaction* old);
int change(const Sigvec* vec, Sigvec* old);

// What signal(3) and its kin are, with these flags and SIGPIPE itself in sa_mask or not. SIG_ERR: errno says why not.
Handler set(Handler handler, int flags, bool blocks_itself);

// The flags that signal(3) gives, which siginterrupt(3) changes.
int flags_of_signal();
int interrupt(bool interrupts);

// The flags of sysv_signal(3).
constexpr int kSysvFlags = static_cast<int>(SA_RESETHAND | SA_NODEFER | 0x20000000U);  // and SA_INTERRUPT

// sigset(3).
Handler set_or_hold(Handler handler);

// Whether the program would be killed by a SIGPIPE that it does not block, and whether it has a handler.
bool kills();
bool has_handler();

// Lets the net stand in the place of a SIG_DFL that nobody has set through us.
void arm();

// A SIGPIPE has arrived; defined in catch.cpp. `front` says what stands there in the program's view.
void arrived(unsigned front, siginfo_t* info, void* context);
bool stands_for_handler(unsigned front);

// Lets it have the effect that it has in the program's view.
void deliver(unsigned front, siginfo_t* info, void* context);

}  // namespace disposition
