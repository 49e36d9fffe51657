// Who may not be armed, and by whom: the line with the reason and the remedy.
#pragma once

#include <string>

namespace attach {

// By /proc/PID/status: it is traced, stopped, ending, the kernel's own. Throws Refusal.
void refuse_by_status(int pid, const std::string& status);

// Why the kernel does not let us trace this process, where it has answered with this errno.
std::string why_not_allowed(const std::string& status, int error);

}  // namespace attach
