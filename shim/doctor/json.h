// The same for programs: one JSON object.
#pragma once

#include <string>

#include "doctor/command.h"
#include "doctor/everybody.h"
#include "doctor/verdict.h"

namespace doctor {

std::string as_json(const Finding& finding, const Verdict& verdict);
std::string as_json(const Command& command);
std::string as_json(const Everybody& everybody);
std::string as_json_of_none(int pid);  // where there is no such process

}  // namespace doctor
