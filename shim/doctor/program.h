// Whether the program that a command runs in the end is reached by LD_PRELOAD.
#pragma once

#include <optional>
#include <string>

#include "doctor/command.h"
#include "doctor/place.h"

namespace doctor {

// What it gets: the library for it, or what a starter has put in its place; and where.
struct Given {
  std::optional<std::string> preload;
  Place place;
  bool is_itself = true;  // who runs the command becomes the program, by exec alone
};

// Says so of the command whose program has these headers; `library` is ours for this machine.
void judge_program(Command& command, const std::string& library, const Given& given);

// Why it is not reached, and what to do instead.
void refuse(Command& command, const std::string& reason, const std::string& remedy);

// Why who runs this file by itself sees to SIGPIPE: the beginning of a sentence. Empty: it does not, as far as is
// known.
std::string runtime_of(const std::string& file, const std::optional<ElfHeaders>& elf);

}  // namespace doctor
