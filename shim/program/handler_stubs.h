// What stands in the kernel for the program's view of SIGPIPE. Where the program has SIG_DFL or a handler, a function
// of ours stands that says by its address which handler and which flags they are. So the view changes as one thing
// whichever thread, and whichever child of vfork, changes it, with no lock; and the kernel's default, which would kill,
// never stands in between. SIG_IGN goes to the kernel as it is, so that children inherit it.
#pragma once

#include "system/real.h"

namespace front {

using Handler = void (*)(int);

// The one that the kernel is given, and back. A handler that there is no room for is given as it is.
struct sigaction to_kernel(const struct sigaction& act);
struct sigaction to_program(const struct sigaction& ours);

// For the default that a program finds at its start.
struct sigaction initial();

// What the kernel has now.
struct sigaction in_kernel();

// A SIGPIPE has arrived; defined in catch.cpp. `front` says what stands there in the program's view.
void arrived(unsigned front, siginfo_t* info, void* context);
bool stands_for_handler(unsigned front);

// Lets it have the effect that it has in the program's view.
void deliver(unsigned front, siginfo_t* info, void* context);

}  // namespace front
