// The shim in a process: which library, and what it says of itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "doctor/elf_headers.h"

namespace doctor {

enum class Change { none, replaced, removed };  // of its file since

// What the shim in a process remembers; see system/notes.cpp.
struct ShimState {
  unsigned policy = 0;  // program/policy's word
  std::vector<std::pair<std::string, std::string>> options;
  std::uint64_t attached = 0;  // when, in seconds since 1970; 0: it was preloaded, or is not armed
  bool is_taken_back = false;  // it is there, and nothing leads to it

  bool is_armed() const;
  std::string option(const std::string& name) const;  // empty where it is not known
};

struct MappedShim {
  std::string path;
  Change change = Change::none;
  std::string version;             // empty: not known
  std::optional<ShimState> state;  // nothing without permission to read the process's memory
};

// Nothing where there is none, or it may not be known.
std::optional<MappedShim> find_shim(int pid);

// The memory of a process, from this address on.
ReadAt memory_of(int pid, std::uint64_t base);

// The version that this file carries; empty where it is no library of ours.
std::string version_of(const std::string& library);

}  // namespace doctor
