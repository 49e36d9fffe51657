// A library that writes for a program, out of a function which it exports.
#include <sys/socket.h>

extern "C" [[gnu::noinline]] long calls_from_a_library(int fd) {
  long result = send(fd, "lost", 4, 0);
  asm volatile("" : "+r"(result));
  return result;
}
