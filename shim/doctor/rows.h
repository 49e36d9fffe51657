// What was found out, as rows of a name and a text each, and a sentence at the end: for people.
#pragma once

#include <string>

#include "doctor/command.h"
#include "doctor/verdict.h"

namespace doctor {

std::string as_rows(const Finding& finding, const Verdict& verdict);
std::string as_rows(const Command& command);

// Assignments for the launcher: `our_library`, and `our_reason` with `our_remedy` where it is not reached,
// `our_has_asan`.
std::string as_assignments(const Command& command);

// The sentence that a command's rows end with.
std::string advice_of(const Command& command);

// Words for what others, too, have to show.
const char* word_of(Disposition disposition);
const char* word_of(Outcome outcome);
const char* word_of(Reach reach);
const char* word_of(Change change);
const char* word_of(Rights rights);
const char* linkage_of(const ElfHeaders& elf);

}  // namespace doctor
