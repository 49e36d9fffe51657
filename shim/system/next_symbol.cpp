#include "system/next_symbol.h"

#include <link.h>

namespace next_symbol {
namespace {

bool holds(const dl_phdr_info& object, std::uintptr_t address) {
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto& segment = object.dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && address - object.dlpi_addr - segment.p_vaddr < segment.p_memsz) return true;
  }
  return false;
}

struct Walk {
  Look look;
  bool shows;  // whether this object is one of those that are shown
  bool has_passed_us;
  bool is_over;
};

int visit(dl_phdr_info* object, std::size_t, void* argument) {
  auto& walk = *static_cast<Walk*>(argument);
  if (!walk.has_passed_us && holds(*object, reinterpret_cast<std::uintptr_t>(&visit))) {
    walk.has_passed_us = true;
    walk.shows = !walk.shows;
  } else if (walk.shows) {
    walk.is_over = walk.look(ElfSymbols(object->dlpi_addr, object->dlpi_phdr, object->dlpi_phnum));
  }
  return walk.is_over;
}

bool ends_the_search(Look look, bool before_us) {
  Walk walk{look, before_us, false, false};
  dl_iterate_phdr(visit, &walk);
  return walk.is_over;
}

}  // namespace

void each_object(Look look) {
  if (!ends_the_search(look, false)) ends_the_search(look, true);
}

}  // namespace next_symbol
