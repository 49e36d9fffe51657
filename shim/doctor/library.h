// Where our library lies, and which path in LD_PRELOAD leads a program to the one that fits it.
#pragma once

#include <filesystem>
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

// The same as the path of a file.
std::string fitting_library(const ElfHeaders& program, const std::string& library);

// Whether a list as LD_PRELOAD has it names a library of ours, which fits this program; where the loader puts something
// in the place of a part of the path, or finds it by a name alone, that name counts.
bool names_ours(std::string_view list, const ElfHeaders* program = nullptr);

// The same for a list that is read where other files are than here: names count alone.
bool names_ours_inside(std::string_view list);

// Whether this path leads nowhere in that root; where the loader puts something in the place of a part it is not told.
bool is_missing_in(const std::filesystem::path& root, const std::string& library);

// Whether /etc/ld.so.preload names one: that reaches programs with more rights than their caller, too.
bool is_preloaded_for_all(const ElfHeaders& program);

}  // namespace doctor
