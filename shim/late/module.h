// One loaded object: its segments, its notes, and where in it the loader has written the address of a function.
#pragma once

#include <link.h>

#include <string_view>

#include "system/elf_symbols.h"
#include "unwind/reader.h"

namespace late {

// A place where the loader has written what a symbol is.
struct Slot {
  std::uintptr_t* at;
  unsigned type;         // of the relocation
  const char* name;      // of the symbol
  bool is_defined_here;  // in the object itself
};

class Module {
 public:
  explicit Module(const dl_phdr_info& object)
      : base_(object.dlpi_addr), symbols_(object.dlpi_addr, object.dlpi_phdr, object.dlpi_phnum), object_(object) {
    each_segment(PT_DYNAMIC, [this](unwind::Range at) { dynamic_ = reinterpret_cast<const ElfW(Dyn)*>(at.begin); });
    constexpr auto kPageNumber = ~std::uintptr_t{4095};
    each_segment(PT_GNU_RELRO, [this](unwind::Range at) { relro_ = {at.begin & kPageNumber, at.end & kPageNumber}; });
  }

  const ElfSymbols& symbols() const { return symbols_; }

  // What the loader makes unwritable when it has relocated it all; empty where that is nothing.
  unwind::Range relro() const { return relro_; }

  bool holds(const void* address) const {
    bool found = false;
    each_segment(PT_LOAD, [&](unwind::Range at) { found |= at.holds(reinterpret_cast<std::uintptr_t>(address)); });
    return found;
  }

  // Its segments of this type.
  template <class Visit>
  void each_segment(unsigned type, Visit visit) const {
    for (unsigned i = 0; i < object_.dlpi_phnum; ++i) {
      const auto& segment = object_.dlpi_phdr[i];
      const auto at = base_ + segment.p_vaddr;
      if (segment.p_type == type) visit(unwind::Range{at, at + segment.p_memsz});
    }
  }

  // What its note of this owner and type says; nullptr where there is none.
  const std::byte* note(std::string_view owner, unsigned type) const {
    const std::byte* found = nullptr;
    each_segment(PT_NOTE, [&](unwind::Range notes) {
      for (auto at = notes.begin; notes.holds(at, sizeof(ElfW(Nhdr)));) {
        const auto& note = *reinterpret_cast<const ElfW(Nhdr)*>(at);
        const auto* name = reinterpret_cast<const char*>(&note + 1);
        const auto* content = reinterpret_cast<const std::byte*>(name + padded(note.n_namesz));
        if (note.n_type == type && std::string_view(name, note.n_namesz) == owner) found = content;
        at = reinterpret_cast<std::uintptr_t>(content + padded(note.n_descsz));
      }
    });
    return found;
  }

  // Each place that a relocation names; without a symbol its name is empty.
  template <class Visit>
  void each_slot(Visit visit) const {
    if (dynamic_ == nullptr) return;
    each_in<ElfW(Rela)>(address(DT_RELA), value(DT_RELASZ), visit);
    each_in<ElfW(Rel)>(address(DT_REL), value(DT_RELSZ), visit);
    if (value(DT_PLTREL) == DT_RELA)
      each_in<ElfW(Rela)>(address(DT_JMPREL), value(DT_PLTRELSZ), visit);
    else
      each_in<ElfW(Rel)>(address(DT_JMPREL), value(DT_PLTRELSZ), visit);
  }

 private:
  static constexpr std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

  std::uintptr_t value(long tag) const {
    for (const auto* entry = dynamic_; entry->d_tag != DT_NULL; ++entry)
      if (entry->d_tag == tag) return entry->d_un.d_val;
    return 0;
  }

  std::uintptr_t address(long tag) const {
    const auto found = value(tag);
    return found != 0 ? loaded_at(base_, found, reinterpret_cast<std::uintptr_t>(dynamic_)) : 0;
  }

  template <class Relocation>
  void each_in(std::uintptr_t table, std::size_t size, auto visit) const {
    const auto* relocation = reinterpret_cast<const Relocation*>(table);
    const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(address(DT_SYMTAB));
    const auto* names = reinterpret_cast<const char*>(address(DT_STRTAB));
    if (relocation == nullptr || symbols == nullptr || names == nullptr) return;
    for (const auto* end = relocation + size / sizeof *relocation; relocation != end; ++relocation) {
      constexpr unsigned kBits = sizeof(std::uintptr_t) == 8 ? 32 : 8;
      const auto index = relocation->r_info >> kBits;
      const auto type = static_cast<unsigned>(relocation->r_info & ((std::uintptr_t{1} << kBits) - 1));
      const auto& symbol = symbols[index];
      visit(Slot{reinterpret_cast<std::uintptr_t*>(base_ + relocation->r_offset), type, names + symbol.st_name,
                 symbol.st_shndx != SHN_UNDEF});
    }
  }

  std::uintptr_t base_;
  ElfSymbols symbols_;
  const dl_phdr_info& object_;
  const ElfW(Dyn) * dynamic_ = nullptr;
  unwind::Range relro_{};
};

// All that are loaded, until `visit` says that it is enough. The loader's list is held meanwhile, so none of them goes
// away: no thread that holds it waits for one that is stopped to attach us, since that one was in no call of libc's.
template <class Visit>
void each_module(Visit visit) {
  dl_iterate_phdr([](dl_phdr_info* object, std::size_t,
                     void* argument) -> int { return (*static_cast<Visit*>(argument))(Module(*object)); },
                  &visit);
}

}  // namespace late
