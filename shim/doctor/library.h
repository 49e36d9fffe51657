// Where our library lies, and which path in LD_PRELOAD leads a program to the one that fits it.
#pragma once

#include <string>
#include <string_view>

#include "doctor/elf_headers.h"

namespace doctor {

// The one beside this program, or that of the installation, whether it is there or not.
std::string own_library();

// The path for this program, where our library for this machine is this one. glibc puts a directory of the program's
// class in the place of $LIB: where the library lies in those of both classes, it reaches what the program starts of
// the other class, too. Empty where there is none of this class or machine.
std::string library_for(const ElfHeaders& program, const std::string& library);

// Whether a list as LD_PRELOAD has it names a library of ours; where the loader puts something in the place of a part
// of the path its name counts.
bool names_ours(std::string_view list);

// Whether /etc/ld.so.preload names a library of ours: that reaches programs with more rights than their caller, too.
bool is_preloaded_for_all();

}  // namespace doctor
