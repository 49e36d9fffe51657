// env(1): options, variables, and then a command.
#pragma once

#include <string>

#include "doctor/starters.h"

namespace doctor {

Started by_env(const std::string& name, const Words& argv);

}  // namespace doctor
