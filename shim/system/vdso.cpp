#include "system/vdso.h"

#include <sys/auxv.h>

#include "system/elf_symbols.h"
#include "system/kernel.h"

void vdso::find() {
  const auto base = getauxval(AT_SYSINFO_EHDR);
  if (base == 0) return;
  const auto& header = *reinterpret_cast<const ElfW(Ehdr)*>(base);
  const auto* segments = reinterpret_cast<const ElfW(Phdr)*>(base + header.e_phoff);
  const ElfSymbols symbols(base, segments, header.e_phnum);
  for (const SymbolName& name : {SymbolName("__vdso_clock_gettime"), SymbolName("__kernel_clock_gettime")})
    if (void* found = symbols.find(name); found != nullptr)
      kernel::clock_in_vdso.store(reinterpret_cast<kernel::Clock*>(found));
}
