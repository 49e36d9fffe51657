// Stands in for the library that nosigpipe-attach loads: two functions of the same names, and a handler that does
// nothing.
#include <cerrno>
#include <csignal>
#include <cstdio>

namespace {

bool is_armed = false;

void do_nothing(int) {}

}  // namespace

extern "C" int nosigpipe_attach(const char* options, char* answer, unsigned long size) {
  std::snprintf(answer, size, is_armed ? "armed before" : "a handler, and the options \"%s\"", options);
  is_armed = true;
  std::signal(SIGPIPE, do_nothing);
  return 0;
}

extern "C" int nosigpipe_detach(char* answer, unsigned long size) {
  std::snprintf(answer, size, is_armed ? "no handler" : "nothing to take back");
  if (!is_armed) return EBUSY;
  is_armed = false;
  std::signal(SIGPIPE, SIG_DFL);
  return 0;
}
