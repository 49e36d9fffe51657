// Whether the kernel gives a program more rights than who starts it has. Then the loader does not take what LD_PRELOAD
// says (AT_SECURE), since it is an attacker's.
#pragma once

#include <string>

namespace doctor {

enum class Rights { same, set_uid, set_gid, capabilities };

// What this file would get if we started it.
Rights rights_gained(const std::string& file);

}  // namespace doctor
