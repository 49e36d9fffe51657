// Whether a command can be reached by LD_PRELOAD: what it runs in the end, and what stands in the way.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "doctor/elf_headers.h"
#include "doctor/rights.h"

namespace doctor {

enum class Reach { reached, at_start, unneeded, unreachable, unknown };

struct Command {
  std::string name;    // as it was given
  std::string line;    // that and its arguments, as a shell reads them
  std::string target;  // who is reached or not: the program itself, or who is behind a starter
  std::string file;    // that is run in the end: of a script its interpreter; empty where nothing is found
  std::vector<std::string> through;  // the scripts and starters on the way there
  std::optional<ElfHeaders> elf;
  Rights rights = Rights::same;
  Reach reach = Reach::unknown;
  std::string library;  // the path for LD_PRELOAD, where it or what it executes can be reached
  std::string reason;   // why it is not reached, not needed or not known
  std::string remedy;
  std::string remark;          // what is to be known where it is reached all the same
  bool is_turned_off = false;  // it is unneeded for that alone

  bool has_sanitizer() const { return elf && elf->needs("libasan.so"); }
};

// `argv` is not empty; `library` is ours for this machine.
Command judge_command(const std::vector<std::string>& argv, const std::string& library);

// Whether a program of this name is found where we look for programs.
bool is_in_path(const std::string& name);

}  // namespace doctor
