// What the loader of another process has loaded, and its symbols, as its memory says: never by a file, nor by where
// they are in ours. All of it may lie, so each number is bounded.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/elf_headers.h"

namespace attach {

using doctor::ReadAt;

// The same, but for so many reads: what leads around in circles ends.
ReadAt bounded(ReadAt read, std::size_t most = 1'000'000);

// One link_map: an object of the loader's, whose address is what dlopen returns.
struct Module {
  std::uint64_t handle;
  std::uint64_t base;
  std::uint64_t dynamic;
  std::string name;
};

struct Program {
  bool is_64_bit = false;
  bool is_dynamic = false;      // it has a loader
  std::vector<Module> modules;  // in the loader's order; empty where it has not loaded them yet
};

Module read_module(const ReadAt& read, std::uint64_t handle, bool is_64_bit);

// By the auxiliary vector, as /proc/PID/auxv has it, and memory.
Program read_program(const ReadAt& read, const std::string& auxv, bool is_64_bit);

// The dynamic symbols of one module.
class Symbols {
 public:
  Symbols(const ReadAt& read, const Module& module, bool is_64_bit);

  // The address of the function of this name, or of what else is of this type, that a program linked today would get.
  std::optional<std::uint64_t> find(std::string_view name, unsigned type = STT_FUNC) const;
  const std::string& soname() const { return soname_; }

 private:
  struct Symbol {
    std::uint32_t name;
    unsigned char info;
    std::uint16_t section;
    std::uint64_t value;
  };
  std::optional<Symbol> symbol(std::uint32_t index) const;
  bool is_named(std::uint32_t index, std::string_view name, unsigned type) const;
  std::optional<std::uint64_t> address(std::uint32_t index) const;

  const ReadAt& read_;
  bool is_64_bit_;
  std::uint64_t base_, symbols_ = 0, strings_ = 0, versions_ = 0, gnu_ = 0, sysv_ = 0;
  std::string soname_;
};

}  // namespace attach
