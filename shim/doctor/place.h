// Where a program is looked for by its name: in which root and directory, and by which PATH.
#pragma once

#include <filesystem>
#include <string>

namespace doctor {

struct Place {
  std::string path;                 // as PATH has it
  std::filesystem::path directory;  // empty: ours
  std::filesystem::path root;       // empty: ours

  // The file of this name there, as we see it.
  std::filesystem::path file(const std::filesystem::path& name) const;

  // As execvp(3) finds a program; empty where there is none.
  std::string find(const std::string& name) const;
};

Place own_place();

}  // namespace doctor
