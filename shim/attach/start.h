// A static program armed at its start, for the launcher. It is this very process that becomes the program, so that its
// number, parent, group and exit status are as ever; a process of ours traces it until then, and has left before its
// first instruction.
#pragma once

#include <string>
#include <vector>

namespace attach {

// Returns only where the command is not run: the exit status. Throws Refusal where it cannot be armed.
int start(const std::vector<std::string>& command);

}  // namespace attach
