// Whether a static program can be armed at its start: nosigpipe-attach has to be there, and to be let trace.
#pragma once

#include <string>

#include "doctor/elf_headers.h"
#include "doctor/rights.h"

namespace doctor {

// The program that does it, beside this one; empty where there is none.
std::string attach_program();

// Why it cannot be done for this static program, here and for this user; empty where it can.
std::string why_not_at_start(const ElfHeaders& elf, Rights rights);

}  // namespace doctor
