// What a victim does where the kernel refuses it what its part needs: it says what that was, and ends.
#pragma once

#include <cstdio>
#include <cstdlib>

[[noreturn]] inline void fail(const char* what) {
  std::perror(what);
  std::_Exit(99);
}

template <class Result>
Result must(Result result, const char* what) {
  if (result == static_cast<Result>(-1)) fail(what);
  return result;
}
