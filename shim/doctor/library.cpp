#include "doctor/library.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <string_view>
#include <system_error>

#include "doctor/mapped_shim.h"
#include "doctor/proc_file.h"
#include "tools/display.h"

namespace doctor {
namespace {

namespace fs = std::filesystem;

// What $LIB is to glibc's loader: the directory that it has been installed in, seen from /usr or from /. Debian has
// lib/x86_64-linux-gnu, and for 32-bit programs lib/i386-linux-gnu or lib32; Fedora lib64 and lib.
std::string lib_of(const std::string& loader) {
  std::error_code error;
  auto directory = fs::canonical(loader, error).parent_path().string();
  for (const std::string_view root : {"/usr/", "/"})
    if (directory.starts_with(root)) return directory.substr(root.size());
  return "";
}

bool fits(const std::string& library, const ElfHeaders& program) {
  const auto headers = read_headers_of(library);
  return headers && headers->is_64_bit == program.is_64_bit && headers->machine == program.machine &&
         headers->is_foreign == program.is_foreign && !version_of(library).empty();
}

bool has_our_name(const std::string& entry) { return tools::base_name(entry).find("nosigpipe") != entry.npos; }

// Where the loader puts something in the place of a part, or looks for it itself, a name is all there is.
bool is_seen(const std::string& entry) { return entry.find('$') == entry.npos && entry.find('/') != entry.npos; }

template <class Is>
bool any_entry(std::string_view list, Is is) {
  std::string text(list);
  std::ranges::replace_if(
      text, [](char c) { return c == '\n' || c == ':'; }, ' ');
  for (std::string_view rest(text); !rest.empty();)
    if (is(std::string(take_word(rest)))) return true;
  return false;
}

// Of the two classes that one kernel runs, the one that this program is not of.
const char* other_loader(const ElfHeaders& program) {
  return program.is_64_bit ? "/lib/ld-linux.so.2" : "/lib64/ld-linux-x86-64.so.2";
}

// Of a library, beside the directories that the loaders of both classes are in.
struct Place {
  Place(const ElfHeaders& program, const std::string& library)
      : name(fs::path(library).filename().string()),
        directory(fs::path(library).parent_path().string()),
        own(lib_of(program.interpreter)),
        other(lib_of(other_loader(program))) {
    for (const auto& lib : {own, other})
      if (!lib.empty() && directory.ends_with("/" + lib)) prefix = directory.substr(0, directory.size() - lib.size());
  }
  std::string name, directory;
  std::string own, other;  // as $LIB has them
  std::string prefix;      // the directory above those, if the library is in one of them
};

}  // namespace

std::string own_library() {
  std::error_code error;
  const auto beside = fs::read_symlink("/proc/self/exe", error).replace_filename("libnosigpipe.so").string();
  return !error && access(beside.c_str(), R_OK) == 0 ? beside : NOSIGPIPE_LIBDIR "/libnosigpipe.so";
}

std::string library_for(const ElfHeaders& program, const std::string& library) {
  const Place place(program, library);
  const auto& [name, directory, own, other, prefix] = place;
  if (program.libc() == "glibc" && !prefix.empty() && own != other && fits(prefix + own + "/" + name, program) &&
      !version_of(prefix + other + "/" + name).empty())
    return prefix + "$LIB/" + name;
  return fitting_library(program, library);
}

std::string fitting_library(const ElfHeaders& program, const std::string& library) {
  const Place place(program, library);
  const auto& [name, directory, own, other, prefix] = place;
  if (fits(library, program)) return library;
  // Debian's package has it in lib32, whatever the loader; Fedora's in lib beside lib64.
  const auto lib32 = prefix.empty() ? "" : prefix + "lib32";
  const auto lib = directory.ends_with("/lib64") ? directory.substr(0, directory.size() - 2) : "";
  for (const auto& elsewhere :
       {prefix + own, directory + "/i386", directory + "32", directory + "/i386-linux-gnu", lib32, lib})
    if (!elsewhere.empty() && elsewhere != own && fits(elsewhere + "/" + name, program)) return elsewhere + "/" + name;
  return "";
}

bool names_ours(std::string_view list, const ElfHeaders* program) {
  return any_entry(list, [program](const std::string& entry) {
    if (!is_seen(entry)) return has_our_name(entry);
    return program != nullptr ? fits(entry, *program) : !version_of(entry).empty();
  });
}

bool names_ours_inside(std::string_view list) { return any_entry(list, has_our_name); }

bool is_missing_in(const fs::path& root, const std::string& library) {
  return is_seen(library) && version_of(root / fs::path(library).relative_path()).empty();
}

bool is_preloaded_for_all(const ElfHeaders& program) {
  return names_ours(read_proc("/etc/ld.so.preload").value_or(""), &program);
}

}  // namespace doctor
