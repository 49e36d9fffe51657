// Stands in for nosigpipe-attach: preloaded, it loads the library that this would load into a process that runs, and
// has it armed.
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

[[gnu::constructor]] static void attach() {
  using Attach = int(const char* options, char* answer, unsigned long size);
  void* const library = dlopen(std::getenv("LATE_LIBRARY"), RTLD_NOW);
  auto* const entry = library != nullptr ? reinterpret_cast<Attach*>(dlsym(library, "nosigpipe_attach")) : nullptr;
  char answer[512] = "it cannot be loaded";
  if (entry != nullptr && entry("", answer, sizeof answer) == 0) return;
  std::fprintf(stderr, "liblate: %s\n", answer);
  std::exit(99);
}
