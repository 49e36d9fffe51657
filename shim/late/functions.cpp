#include "late/functions.h"

#include <algorithm>

#include "system/real.h"

// As the linker knows them: not all of them are declared anywhere.
#define FUNCTION(name, type, technique, by) extern "C" const char hook_##name[] asm(#name);
#include "functions.def"

namespace late {
namespace {

struct Function {
  SymbolName name;
  const char* hook;
};

constinit const Function kAll[] = {
#define FUNCTION(name, type, technique, by) {SymbolName(#name), hook_##name},
#include "functions.def"
};
static_assert(std::size(kAll) == kFunctions);

constexpr std::size_t kLongestName = std::max({
#define FUNCTION(name, type, technique, by) sizeof #name - 1,
#include "functions.def"
});

// Before glibc 2.34 some are in libpthread, too.
struct Definitions {
  std::uintptr_t in_libc[2];
  bool elsewhere;
};
constinit Definitions definitions[kFunctions] = {};

void note(unsigned function, std::uintptr_t address, bool in_libc) {
  auto& known = definitions[function];
  if (!in_libc)
    known.elsewhere = true;
  else
    known.in_libc[known.in_libc[0] == 0 ? 0 : 1] = address;
}

}  // namespace

void find_functions() {
  for (auto& known : definitions) known = {};
  each_module([](const Module& module) {
    if (module.holds(kAll)) return false;
    const bool in_libc = real::is_of_libc(module.symbols());
    for (unsigned i = 0; i < kFunctions; ++i)
      if (const void* found = module.symbols().find(kAll[i].name); found != nullptr)
        note(i, reinterpret_cast<std::uintptr_t>(found), in_libc);
    return false;
  });
}

// Most names are longer: a big library has a hundred thousand of them.
unsigned function_of(const char* name) {
  std::size_t length = 0;
  while (name[length] != '\0')
    if (++length > kLongestName) return kFunctions;
  const SymbolName wanted(name);
  unsigned i = 0;
  while (i < kFunctions && (kAll[i].name.hash != wanted.hash || std::string_view(kAll[i].name.text) != name)) ++i;
  return i;
}

std::uintptr_t hook_of(unsigned function) { return reinterpret_cast<std::uintptr_t>(kAll[function].hook); }

bool is_hook(std::uintptr_t address) {
  return std::any_of(std::begin(kAll), std::end(kAll),
                     [=](const auto& one) { return reinterpret_cast<std::uintptr_t>(one.hook) == address; });
}

bool is_in_libc(unsigned function, std::uintptr_t address) {
  const auto& known = definitions[function].in_libc;
  return address != 0 && (known[0] == address || known[1] == address);
}

bool is_ambiguous(unsigned function) { return definitions[function].elsewhere; }

}  // namespace late
