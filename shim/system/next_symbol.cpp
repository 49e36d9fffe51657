#include "system/next_symbol.h"

#include <link.h>

#include "system/elf_symbols.h"

namespace next_symbol {
namespace {

bool holds(const dl_phdr_info& object, std::uintptr_t address) {
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto& segment = object.dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && address - object.dlpi_addr - segment.p_vaddr < segment.p_memsz) return true;
  }
  return false;
}

struct Search {
  const char* name;
  bool passed_us = false;
  void* before = nullptr;
  void* after = nullptr;
};

int visit(dl_phdr_info* object, std::size_t, void* argument) {
  auto& search = *static_cast<Search*>(argument);
  if (holds(*object, reinterpret_cast<std::uintptr_t>(&visit))) {
    search.passed_us = true;
    return 0;
  }
  auto& found = search.passed_us ? search.after : search.before;
  if (found == nullptr) found = ElfSymbols(object->dlpi_addr, object->dlpi_phdr, object->dlpi_phnum).find(search.name);
  return search.after != nullptr;
}

}  // namespace

void* find(const char* name) {
  Search search{name};
  dl_iterate_phdr(visit, &search);
  return search.after != nullptr ? search.after : search.before;
}

}  // namespace next_symbol
