#include "attach/loader.h"

#include <dlfcn.h>
#include <elf.h>

#include "attach/modules.h"
#include "attach/refusal.h"
#include "doctor/elf_headers.h"
#include "doctor/library.h"
#include "doctor/proc_file.h"

namespace attach {
namespace {

constexpr std::uint64_t kDlopenMode = 0x80000000;  // of __libc_dlopen_mode: its caller is libc's own

bool is_x32(const doctor::ElfHeaders& headers) { return headers.machine == EM_X86_64 && !headers.is_64_bit; }

doctor::ElfHeaders headers_of(const Target& target) {
  const auto headers = doctor::read_headers_of(target.directory_of_all() + "exe");
  if (!headers) throw Refusal("its program (/proc/PID/exe) cannot be read");
  if (headers->is_of_go()) throw Refusal("a program of Go: not needed, except as an inetd-style program on fd 1");
  if (!attach::machine_of(*headers))
    throw Refusal("a program for " + doctor::machine_name(headers->machine) + (is_x32(*headers) ? " (x32)" : "") +
                  ", and only those for x86-64 and i386 can be reached: restart it under nosigpipe");
  return *headers;
}

Program program_of(const Target& target) {
  const auto auxv = doctor::read_proc(target.directory_of_all() + "auxv").value_or("");
  return read_program(bounded(target.reader()), auxv, headers_of(target).is_64_bit);
}

}  // namespace

Machine machine_of(const Target& target) { return *machine_of(headers_of(target)); }

bool is_static(const Target& target) { return headers_of(target).is_static(); }

// Of another class than ours it lies elsewhere: in lib32, or in lib beside lib64.
std::string library_for(const Target& target, const std::string& library) {
  const auto headers = headers_of(target);
  if (attach::machine_of(headers) == Machine::x86_64) return library;
  const auto fitting = doctor::fitting_library(headers, library);
  if (fitting.empty())
    throw Refusal("there is no " + library + " for a program of " + doctor::machine_name(headers.machine) +
                  ": install it, as the package lib32nosigpipe has it, or name one by --library");
  return fitting;
}

Loader find_loader(const Target& target) {
  const auto program = program_of(target);
  if (program.modules.empty())
    throw Refusal("its loader has not loaded anything yet, or does not tell: try again later");
  const auto read = bounded(target.reader());
  Loader loader{};
  std::optional<std::uint64_t> of_libdl, in_libc, global;
  for (const auto& module : program.modules) {
    const Symbols symbols(read, module, program.is_64_bit);
    if (symbols.soname() == "libnosigpipe.so")
      throw Refusal("it was started under nosigpipe, and is armed since; to change that, restart it");
    if (!global) global = symbols.find("_rtld_global", STT_OBJECT);
    if (symbols.soname() == "libdl.so.2") of_libdl = symbols.find("dlopen");
    if (loader.open != 0 || !symbols.find("__libc_start_main")) continue;
    if (const auto open = symbols.find("dlopen")) {
      loader = {*open, RTLD_NOW, symbols.find("dlerror").value_or(0), 0};
    } else {
      in_libc = symbols.find("__libc_dlopen_mode");
    }
  }
  if (loader.open == 0 && of_libdl) loader = {*of_libdl, RTLD_NOW, 0, 0};
  if (loader.open == 0 && in_libc) loader = {*in_libc, RTLD_NOW | kDlopenMode, 0, 0};
  if (loader.open == 0) throw Refusal("its libc has no dlopen that we know of");
  loader.global = global.value_or(0);
  return loader;
}

std::optional<std::uint64_t> find_entry(const Target& target, const char* name) {
  const auto program = program_of(target);
  const auto read = bounded(target.reader());
  for (const auto& module : program.modules)
    if (const auto entry = Symbols(read, module, program.is_64_bit).find(name)) return entry;
  return {};
}

std::optional<std::uint64_t> find_entry(const Target& target, std::uint64_t handle, const char* name) {
  const auto read = bounded(target.reader());
  const bool is_64_bit = machine_of(target) == Machine::x86_64;
  return Symbols(read, read_module(read, handle, is_64_bit), is_64_bit).find(name);
}

}  // namespace attach
