#include "system/real.h"

#include <link.h>

#include <cerrno>
#include <initializer_list>

namespace real {
namespace {

// True when all are known.
bool look_in(const dl_phdr_info& object) {
  const ElfSymbols symbols(object.dlpi_addr, object.dlpi_phdr, object.dlpi_phnum);
  constexpr SymbolName kInGlibc{"gnu_get_libc_version"};
  if (symbols.find(kInGlibc) != nullptr) arch::glibc = symbols.code();
  bool all = true;
#define FUNCTION(name, type, technique, by) all &= name.find_in(symbols);
#include "functions.def"
  all &= cleanup_push.find_in(symbols);
  all &= cleanup_pop.find_in(symbols);
  return all;
}

#ifdef NOSIGPIPE_LATE
// Loaded last, it would come upon the program's own functions first, and what has this name there may be something
// else.
int visit(dl_phdr_info* object, std::size_t, void*) {
  return is_of_libc({object->dlpi_addr, object->dlpi_phdr, object->dlpi_phnum}) && look_in(*object);
}
#else
bool holds(const dl_phdr_info& object, std::uintptr_t address) {
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto& segment = object.dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && address - object.dlpi_addr - segment.p_vaddr < segment.p_memsz) return true;
  }
  return false;
}

// The objects come in the order in which names are looked up in them. Looked at are those before ours, or those after.
struct Walk {
  bool looks;
  bool has_passed_us = false;
};

int visit(dl_phdr_info* object, std::size_t, void* argument) {
  auto& walk = *static_cast<Walk*>(argument);
  if (walk.has_passed_us || !holds(*object, reinterpret_cast<std::uintptr_t>(&visit)))
    return walk.looks && look_in(*object);
  walk.has_passed_us = true;
  walk.looks = !walk.looks;
  return false;
}
#endif

}  // namespace

long absent() {
  errno = ENOSYS;
  return -1;
}

bool Symbol::find_in(const ElfSymbols& object) {
  if (known() == nullptr) set(object.find(name_));
  return known() != nullptr;
}

// What dlsym(RTLD_NEXT) gives, which may use the heap and would tie us to a symbol version (it moved in glibc 2.34);
// and then, where none of those that come after ours has it, the one before.
void find_all() {
#ifdef NOSIGPIPE_LATE
  if (dl_iterate_phdr(visit, nullptr) != 0) return;
#else
  for (const bool before_us : {false, true}) {
    Walk walk{before_us};
    if (dl_iterate_phdr(visit, &walk) != 0) return;
  }
#endif
#define FUNCTION(name, type, technique, by) name.replace_absent();
#include "functions.def"
}

}  // namespace real
