#include "real.h"

void real::find_all() {
#define FUNCTION(name, type, technique) real::name.find();
#include "functions.def"
#undef FUNCTION
  cleanup_push.find();
  cleanup_pop.find();
}
