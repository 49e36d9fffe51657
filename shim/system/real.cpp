#include "system/real.h"

namespace {

void look_for(auto& definition) { definition.find(); }

template <class Prototype>
void look_for(real::Found<Prototype>& definition) {
  definition.find_or_replace();
}

}  // namespace

void real::find_all() {
#define FUNCTION(name, type, technique, by) look_for(real::name);
#include "functions.def"
  cleanup_push.find();
  cleanup_pop.find();
}
