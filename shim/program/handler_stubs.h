// What stands in the kernel for the program's view of SIGPIPE: in the place of SIG_DFL and of a handler of the
// program's one of 88 stubs of ours, whose address encodes which handler and which sa_flags it stands for. Changing
// the disposition is thus one sigaction(2): atomic, lock-free, safe in a child of vfork, and the deadly default is
// never installed in between. SIG_IGN goes to the kernel as it is, so that children inherit it.
#pragma once

#include "system/real.h"

namespace handler_stubs {

using Handler = void (*)(int);

// sa_flags and their kin without their sign.
constexpr unsigned bits(auto flags) { return static_cast<unsigned>(flags); }

// What the kernel is given for the program's, and back. All of these are safe in a signal handler, and leave errno
// alone but for those that ask what the kernel has now, and deliver(). There are stubs for three handlers of a
// program, and for 14 more that cannot do without. Others are given to the kernel as they are, and it calls them.
struct sigaction to_kernel(const struct sigaction& act);
struct sigaction to_program(const struct sigaction& ours);

// The program's has been set; what stood there before it has been read by then.
void note_set(const struct sigaction& act);

// For the default that a program finds at its start.
struct sigaction initial();

// What the kernel has now.
struct sigaction in_kernel();

// A SIGPIPE has arrived. Each stub calls it with its own number; guard/sigpipe_handler.cpp defines it.
void on_sigpipe(unsigned stub, siginfo_t* info, void* context);

// Whether a stub stands in the kernel: it takes a mark off before the program's handler sees it.
bool stands();

// The same of what is to find a mark that is left pending: where a handler of the program stands itself, a stub takes
// its place; who ignores SIGPIPE sees none, and will have a stub. False for a default that is not ours, or with no room
// left.
bool hides_marks();

// Whether one stands that stands for SIG_DFL.
bool stands_for_default();

// Whether the stub stands for a handler of the program, and not for SIG_DFL.
bool stands_for_handler(unsigned stub);

// Lets the SIGPIPE have the effect that it has in the program's view: does not return if that is death.
void deliver(unsigned stub, siginfo_t* info, void* context);

}  // namespace handler_stubs
