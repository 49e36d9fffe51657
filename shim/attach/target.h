// The process that is to be armed. It is held by a pidfd, its directory in /proc and its memory, so that whatever comes
// under its number when it has ended is never taken for it. All that is read of it is believed as far as it can do no
// harm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "doctor/elf_headers.h"
#include "tools/fd.h"

namespace attach {

// What lies where in its memory; a line of maps.
struct Mapping {
  std::uint64_t start, end;
  bool writable, executable, shared;
  std::string path;  // or "[vdso]"
};

class Target {
 public:
  // Throws Refusal where there is no such process, or where it may not be changed.
  explicit Target(int pid);

  int pid() const { return pid_; }
  const std::string& name() const { return name_; }
  bool has_ended() const;

  // With a slash at its end; what is opened there is this process's or nothing. What all its threads have in common,
  // the program and its memory, is in its own directory only as long as its first thread is there.
  const std::string& directory() const { return directory_; }
  const std::string& directory_of_all() const { return directory_of_all_; }
  std::string status() const;
  std::vector<int> threads() const;
  std::vector<Mapping> mappings() const;

  // The file that this path, from the root, is to the process; none, and errno, where that fails.
  tools::Fd open(const std::string& path, int flags) const;

  // A duplicate of its descriptor, of the same open file; none where it has none of this number.
  tools::Fd take_fd(int number) const;

  // So many bytes, all or nothing, of the program that it was when it was opened: of what it executes since there are
  // none. What the process itself may not write is written, too.
  bool read(std::uint64_t at, void* to, std::size_t size) const;
  doctor::ReadAt reader() const;
  bool write(std::uint64_t at, const void* from, std::size_t size) const;

 private:
  int pid_;
  tools::Fd pidfd_, proc_, memory_;
  std::string directory_, directory_of_all_, name_;
};

}  // namespace attach
