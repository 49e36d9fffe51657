#include "system/real.h"

#include "system/next_symbol.h"

namespace real {
namespace {

bool look_in(const ElfSymbols& object) {
  constexpr SymbolName kInGlibc{"gnu_get_libc_version"};
  if (object.find(kInGlibc) != nullptr) arch::glibc = object.code();
  bool all = true;
#define FUNCTION(name, type, technique, by) all &= name.find_in(object);
#include "functions.def"
  all &= cleanup_push.find_in(object);
  all &= cleanup_pop.find_in(object);
  return all;
}

template <class Prototype>
void replace_absent(Definition<Prototype>&) {}

template <class Prototype>
void replace_absent(Found<Prototype>& definition) {
  definition.replace_absent();
}

}  // namespace

bool Symbol::find_in(const ElfSymbols& object) {
  if (known() == nullptr) set(object.find(name_));
  return known() != nullptr;
}

void find_all() {
  next_symbol::each_object(look_in);
#define FUNCTION(name, type, technique, by) replace_absent(name);
#include "functions.def"
}

}  // namespace real
