// Who may not be armed, and by whom: the line with the reason and the remedy.
#pragma once

#include <string>

#include "attach/machine.h"
#include "attach/target.h"

namespace attach {

class TracedThread;

// By /proc/PID/status: it is traced, stopped, ending, the kernel's own. Throws Refusal.
void refuse_by_status(int pid, const std::string& status);

// Why the kernel does not let us trace this process, where it has answered with this errno.
std::string why_not_allowed(const std::string& status, int error);

// Whether the kernel lets this thread make calls of ours: filters, strict mode and a dispatcher are each thread's own.
// Throws NotNow where it does not and another thread may do, else Refusal.
void refuse_by_calls(const Target& target, const TracedThread& thread, Machine machine);

}  // namespace attach
