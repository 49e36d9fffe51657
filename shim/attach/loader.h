// The loader of the target: where its functions are, and those of our library once it is loaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "attach/machine.h"
#include "attach/target.h"

namespace attach {

struct Loader {
  std::uint64_t open;  // dlopen(path, flags)
  std::uint64_t flags;
  std::uint64_t error;   // dlerror(); 0: there is none
  std::uint64_t global;  // glibc's _rtld_global, for loader_lock.h; 0: there is none
};

// What it is a program for, and whether it has no loader. Both throw Refusal where it cannot be reached for another
// reason, or need not be.
Machine machine_of(const Target& target);
bool is_static(const Target& target);

// The library for it where ours is this one. Throws Refusal where there is none.
std::string library_for(const Target& target, const std::string& library);

// Throws Refusal where the target cannot be reached by its loader, or need not be.
Loader find_loader(const Target& target);

// The function of this name in a library of ours that is loaded: in any, or in the one that dlopen has returned.
std::optional<std::uint64_t> find_entry(const Target& target, const char* name);
std::optional<std::uint64_t> find_entry(const Target& target, std::uint64_t handle, const char* name);

}  // namespace attach
