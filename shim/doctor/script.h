// The first line of a script, which names its interpreter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace doctor {

// As many bytes of a file as the kernel itself looks at.
std::string beginning_of(const std::string& name);

// The words behind the #! of a script's first line, at most two; none where it has no such line.
std::vector<std::string> interpreter_in(std::string_view text);

}  // namespace doctor
