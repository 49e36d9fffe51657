// What the headers of a program or library say, of a file or of memory that it is mapped to. A file is never read as a
// whole, and may lie about itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace doctor {

// So many bytes from there; whether they could all be read.
using ReadAt = std::function<bool(std::uint64_t at, void* to, std::size_t size)>;

// A text up to its NUL: as far as it can be read, and no longer than a path.
std::string text_at(const ReadAt& read, std::uint64_t at);

struct ElfNote {
  std::string owner;
  std::uint32_t type;
  std::string description;
  std::uint64_t at;  // where its description is, as ReadAt counts
};

struct ElfHeaders {
  bool is_64_bit = false;
  bool is_foreign = false;  // of the other byte order: of it no more is known than the machine
  std::uint16_t machine = 0;
  bool is_program = false;  // and not a library
  bool has_dynamic = false;
  bool is_pie = false;
  std::string interpreter;  // empty: the kernel starts it alone
  std::string soname;
  std::vector<std::string> needed;
  std::vector<ElfNote> notes;

  bool is_static() const { return is_program && interpreter.empty(); }
  bool is_of_go() const;
  bool is_of_glibc() const;    // by the note that it has in each program, static ones, too
  bool is_for_attach() const;  // of a machine that nosigpipe-attach reaches: x86-64, i386
  bool needs(const std::string& beginning) const;
  // "glibc", "musl", or empty: by the interpreter, or of a library by what it needs.
  std::string libc() const;
};

enum class From { file, memory };
std::optional<ElfHeaders> read_headers(const ReadAt& read, From from);

// Nothing where it is no regular file, cannot be read, or is no ELF file that is understood.
std::optional<ElfHeaders> read_headers_of(const std::string& path);

// "x86-64", or the number where it has no name here.
std::string machine_name(std::uint16_t machine);
extern const std::uint16_t kThisMachine;

}  // namespace doctor
