// What a fuzzer holds to be true of every input.
#pragma once

#include <cstdlib>

inline void must(bool condition) {
  if (!condition) std::abort();
}
